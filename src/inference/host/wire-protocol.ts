import { type ErrorCode, type ErrorFacts, FrescoError } from '../../fresco-error.ts';
import type { GenerationEvent, InferenceRequest, Lane, ModelFolder } from '../contract.ts';
import type { ProbeResult } from '../runtime/device-choice.ts';
import type { BlockingCall, Device } from '../runtime/ort-session.ts';

/**
 * What main and a host say to each other, over Node's channel with advanced serialisation: bytes travel as Uint8Array.
 * Each request of main carries an `id`; the host answers it with any number of `event` and then one `done` or `failed`.
 */

/** What a host has to know for its whole life. */
export interface HostSettings {
  readonly lane: Lane;
  readonly device: Device;
  readonly threads: number;
  readonly blobFolder: string;
  readonly loraFolder: string;
  readonly dataDir: string;
  /** Memory that one engine may fill with open graphs. */
  readonly memoryBudgetBytes: number;
  /** Run the model's own safety checker, where it has one. */
  readonly safetyChecker: boolean;
  /** Models that help another one: resolved by main, for a host knows no catalogue. */
  readonly companions: { readonly upscaler?: ModelFolder; readonly refiner?: ModelFolder };
}

/** A request of main; it is answered. */
export type HostTask =
  | { readonly type: 'list-devices' }
  | { readonly type: 'probe'; readonly device: Device }
  | { readonly type: 'begin'; readonly settings: HostSettings }
  | { readonly type: 'open'; readonly model: ModelFolder }
  | { readonly type: 'run'; readonly jobId: string; readonly model: ModelFolder; readonly request: InferenceRequest }
  | { readonly type: 'unload'; readonly folder: string };

export type ToHost =
  | { readonly type: 'task'; readonly id: number; readonly task: HostTask }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'keep'; readonly id: number }
  | { readonly type: 'ping' };

/** What a task gives while it runs. */
export type TaskEvent =
  | GenerationEvent
  | { readonly type: 'devices'; readonly devices: readonly Device[] }
  | { readonly type: 'probed'; readonly result: ProbeResult };

export type FromHost =
  | { readonly type: 'hello'; readonly pid: number }
  | { readonly type: 'pong' }
  | { readonly type: 'blocking'; readonly call: BlockingCall | undefined }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly facts: object; readonly message: string }
  | { readonly type: 'event'; readonly id: number; readonly event: TaskEvent }
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError };

/** An error as it crosses: code and facts whole, its cause as text for the log. */
export interface WireError {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts[ErrorCode];
  readonly cause: string | undefined;
}

const toHostTypes: ReadonlySet<unknown> = new Set(['task', 'cancel', 'keep', 'ping'] satisfies ToHost['type'][]);
const fromHostTypes: ReadonlySet<unknown> = new Set(['hello', 'pong', 'blocking', 'log', 'event', 'done', 'failed'] satisfies FromHost['type'][]);
const typeOf = (message: unknown): unknown => (typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined);

/** Tells our messages from what a library may send over the same channel; both ends come from one build, so the rest is trusted. */
export const isToHost = (message: unknown): message is ToHost => toHostTypes.has(typeOf(message));
export const isFromHost = (message: unknown): message is FromHost => fromHostTypes.has(typeOf(message));

/** An error for the wire; what is no FrescoError becomes 'internal' with the given reference. */
export function packError(error: unknown, reference: string): WireError {
  if (error instanceof FrescoError) return { code: error.code, facts: error.facts, cause: error.cause === undefined ? undefined : causeText(error.cause) };
  return { code: 'internal', facts: { reference }, cause: causeText(error) };
}

export function unpackError({ code, facts, cause }: WireError): FrescoError {
  return new FrescoError(code, facts, cause === undefined ? undefined : { cause: new Error(cause) });
}

/** An error and what lies under it as text, at most 4,000 characters. */
export function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 4000);
  const under = error.cause === undefined ? '' : `\ncaused by ${causeText(error.cause)}`;
  return `${error.stack ?? error.message}${under}`.slice(0, 4000);
}
