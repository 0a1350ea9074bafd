import type { InferenceRequest } from '../contract.ts';

/** Weight of the newest job in the learned mean. */
const newestWeight = 0.3;

/** Learns from past jobs how long one of a kind and model runs: an exponentially weighted mean per unit of work. */
export class DurationMemory {
  readonly #msPerWork = new Map<string, number>();

  /** Takes in how long `request` ran. */
  learn(request: InferenceRequest, ranMs: number): void {
    const measured = ranMs / workOf(request);
    for (const key of [request.kind, `${request.kind} ${request.model}`]) {
      const known = this.#msPerWork.get(key);
      this.#msPerWork.set(key, known === undefined ? measured : known + newestWeight * (measured - known));
    }
  }

  /** How long `request` will probably run, in milliseconds; unknown until a job of its kind has ended. */
  expectedMs(request: InferenceRequest): number | undefined {
    const msPerWork = this.#msPerWork.get(`${request.kind} ${request.model}`) ?? this.#msPerWork.get(request.kind);
    return msPerWork === undefined ? undefined : msPerWork * workOf(request);
  }
}

/** A picture of 512 × 512 in 30 steps is one unit; what a request leaves to the model counts as that. */
function workOf(request: InferenceRequest): number {
  switch (request.kind) {
    case 'text':
      return 1; // maxTokens is a limit, not a forecast
    case 'image':
      return request.count * ((request.steps ?? 30) / 30) * (((request.width ?? 512) * (request.height ?? 512)) / (512 * 512));
    case 'upscale':
      return (request.factor * request.factor) / 4;
    default:
      return request satisfies never;
  }
}
