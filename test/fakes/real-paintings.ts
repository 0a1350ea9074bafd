import { join } from 'node:path';
import { seedSchema } from '../../src/ids.ts';
import type { BlobStore, GenerationEvent, ImageRequest, InferenceRequest } from '../../src/inference/contract.ts';
import { openImageEngine } from '../../src/inference/image/image-engine.ts';
import { OrtRuntime } from '../../src/inference/runtime/ort-session.ts';

const folder = { id: 'pocket-painter', kind: 'image', folder: join(import.meta.dirname, '../../models/pocket-painter'), memoryBytes: 200_000_000 } as const;

/** What the embedded painter makes of a request, for photographs that show no more than it can do: all events of the run, in order. */
export async function paintForReal(request: InferenceRequest, blobs: BlobStore): Promise<readonly GenerationEvent[]> {
  if (request.kind !== 'image') throw new Error(`a ${request.kind} request is nothing to paint`);
  await using engine = await openImageEngine(folder, new OrtRuntime({ device: 'cpu', threads: 2 }), { blobs, safety: false });
  const { signal } = new AbortController();
  const events: GenerationEvent[] = [];
  for await (const event of engine.generate({ ...request, model: folder.id, previews: true }, { signal, keep: signal })) events.push(event);
  return events;
}

/** The run up to a step: what a message has been shown when that step is done. */
export function upToStep(events: readonly GenerationEvent[], last: number): readonly GenerationEvent[] {
  return events.filter((event) => event.type === 'started' || (event.type === 'step' && event.step <= last));
}

/** The bytes of one picture of a prompt. */
export async function realPicture(prompt: string, seed: number, blobs: BlobStore): Promise<Uint8Array> {
  const request: ImageRequest = { kind: 'image', model: folder.id, prompt, seed: seedSchema.parse(seed), count: 1, previews: false };
  const painted = (await paintForReal(request, blobs)).find((event) => event.type === 'image');
  if (painted === undefined) throw new Error(`no picture of ${prompt}`);
  return blobs.get(painted.blob);
}
