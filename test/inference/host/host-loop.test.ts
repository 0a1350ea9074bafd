import { describe, expect, it, vi } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import { type ModelFolder, type TextEngine, textRequestSchema } from '../../../src/inference/contract.ts';
import type { EngineTable } from '../../../src/inference/host/engine-table.ts';
import { HostLoop } from '../../../src/inference/host/host-loop.ts';
import { type FromHost, type HostSettings, packError, unpackError } from '../../../src/inference/host/wire-protocol.ts';
import type { Device } from '../../../src/inference/runtime/ort-session.ts';
import { textRequest } from '../../contracts/job-queue-contract.ts';
import { settled } from '../../fakes/fake-clock.ts';
import { ScriptedRunner } from '../../fakes/scripted-runner.ts';

const settings = (device: Device): HostSettings => ({
  lane: 'text',
  device,
  threads: 1,
  blobFolder: '/nowhere',
  loraFolder: '/nowhere',
  dataDir: '/nowhere',
  memoryBudgetBytes: 1,
  safetyChecker: false,
  companions: {},
});
const folder = (name: string): ModelFolder => ({ id: name, kind: 'text', folder: name, memoryBytes: 1 });

async function start(device: Device) {
  const runner = new ScriptedRunner();
  const sent: FromHost[] = [];
  const freed: string[] = [];
  let opens = 0;
  const table: EngineTable = {
    openText: async (model): Promise<TextEngine> => {
      opens += 1;
      return {
        kind: 'text',
        generate: (request, control) => runner.run(request, control),
        tokenize: () => ({ ids: [], tokens: [] }),
        async [Symbol.asyncDispose]() {
          freed.push(model.id);
        },
      };
    },
    openImage: () => Promise.reject(new Error('not here')),
    listDevices: async () => ['cpu'],
    probe: async (probed) => ({ device: probed, works: true }),
  };
  const loop = new HostLoop(table, (message) => sent.push(message));
  loop.receive({ type: 'task', id: 1, task: { type: 'begin', settings: settings(device) } });
  await settled();
  const run = (id: number, model = 'tiny') =>
    loop.receive({ type: 'task', id, task: { type: 'run', jobId: `job ${id}`, model: folder(model), request: textRequestSchema.parse(textRequest) } });
  return { loop, runner, sent, freed, run, opens: () => opens, ended: () => sent.filter(({ type }) => type === 'done' || type === 'failed') };
}

describe('a host', () => {
  it('runs one thing at a time on WebGPU', async () => {
    const { runner, run, ended } = await start('webgpu');
    run(2);
    run(3);
    await settled();
    expect(runner.runs).toHaveLength(1);
    (await runner.nextRun()).finish();
    (await runner.nextRun()).finish();
    await vi.waitFor(() => expect(ended()).toHaveLength(3));
  });

  it('goes on on WebGPU after a run that failed', async () => {
    const { runner, run, ended } = await start('webgpu');
    run(2);
    run(3);
    (await runner.nextRun()).fail(new FrescoError('not-a-number', { where: 'logits' }));
    (await runner.nextRun()).finish();
    await vi.waitFor(() => expect(ended().map(({ type }) => type)).toEqual(['done', 'failed', 'done']));
  });

  it('lets jobs run beside each other on other devices, over one engine', async () => {
    const { runner, run, opens } = await start('cpu');
    run(2);
    run(3);
    await settled();
    expect([runner.runs.length, opens()]).toEqual([2, 1]);
  });

  it('frees an engine when it is told to and opens it anew for the next job', async () => {
    const { loop, runner, run, freed, opens, ended } = await start('cpu');
    run(2);
    (await runner.nextRun()).finish();
    loop.receive({ type: 'task', id: 3, task: { type: 'unload', folder: 'tiny' } });
    await vi.waitFor(() => expect(ended()).toHaveLength(3));
    run(4);
    await settled();
    expect([freed, opens()]).toEqual([['tiny'], 2]);
  });

  it('says how long the load took, with the result', async () => {
    const { runner, run, sent, ended } = await start('cpu');
    run(2);
    (await runner.nextRun()).finish();
    await vi.waitFor(() => expect(ended()).toHaveLength(2));
    const events = sent.flatMap((message) => (message.type === 'event' ? [message.event] : []));
    expect(events.map(({ type }) => type)).toEqual(['loading', 'started', 'finished']);
    expect(events.at(-1)).toMatchObject({ timings: { loadMs: expect.any(Number) } });
  });
});

describe('errors on the wire', () => {
  it('keep code and facts, and carry their cause as text', () => {
    const error = unpackError(packError(new FrescoError('model-broken', { model: 'a', file: 'b', problem: 'c' }, { cause: new Error('native words') }), 'ref'));
    expect(error).toMatchObject({ code: 'model-broken', facts: { model: 'a', file: 'b', problem: 'c' } });
    expect(String(error.cause)).toContain('native words');
  });

  it('turn what is no FrescoError into a reference', () => {
    expect(packError(new TypeError('oops'), 'abc')).toMatchObject({ code: 'internal', facts: { reference: 'abc' }, cause: expect.stringContaining('oops') });
  });
});
