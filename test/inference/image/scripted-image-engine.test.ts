import { expect, it, vi } from 'vitest';
import { seedSchema } from '../../../src/ids.ts';
import { controlOf, eventsOf, imageEngineContract, only } from '../../contracts/image-engine-contract.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { ScriptedImageEngine, StepGate } from '../../fakes/scripted-image-engine.ts';

const request = { kind: 'image', model: 'scripted', prompt: 'a red fox', seed: seedSchema.parse(7), count: 1, previews: false } as const;

imageEngineContract('the scripted engine', async () => {
  const blobs = new MemoryBlobStore();
  const engine = new ScriptedImageEngine({ blobs });
  return { engine, blobs, request, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
});

it('the scripted engine stands at its gate until the test lets a step pass', async () => {
  const gate = new StepGate();
  const engine = new ScriptedImageEngine({ blobs: new MemoryBlobStore(), gate, steps: 3 });
  const stream = engine.generate(request, controlOf().control)[Symbol.asyncIterator]();
  const first = stream.next();
  await vi.waitFor(() => expect(gate.waiting).toBe(1));
  gate.pass();
  expect((await first).value).toMatchObject({ type: 'step', step: 1 });
  gate.open();
  expect(only(await eventsOf({ [Symbol.asyncIterator]: () => stream }), 'image')).toHaveLength(1);
});
