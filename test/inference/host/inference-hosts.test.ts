import { readFileSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import { newJobId } from '../../../src/ids.ts';
import { type GenerationEvent, type InferenceRequest, imageRequestSchema, type ModelStore, textRequestSchema } from '../../../src/inference/contract.ts';
import { createInferenceHosts, type InferenceHosts, type InferenceHostsOptions } from '../../../src/inference/host/inference-hosts.ts';
import { createLogger } from '../../../src/logger.ts';
import { imageRequest, textRequest } from '../../contracts/job-queue-contract.ts';
import { FakeClock, settled } from '../../fakes/fake-clock.ts';
import { scriptedHost } from '../../fakes/scripted-host.ts';

const hostProgram = await scriptedHost();
const opened: InferenceHosts[] = [];
/** Forks take their time on a busy machine. */
const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });
afterEach(async () => {
  await Promise.all(opened.splice(0).map((hosts) => hosts.close()));
});

/** Every name is a model of 40 bytes; `painter…` and the request decide the kind. */
const anyModel: ModelStore = {
  list: () => [],
  find: async (id, kind) => {
    if (id === 'nowhere') throw new FrescoError('model-unknown', { model: id, known: [] });
    return { id, kind: kind ?? (id.startsWith('painter') ? 'image' : 'text'), folder: `/models/${id}`, memoryBytes: 40 };
  },
};

async function start(options: Partial<InferenceHostsOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'fresco-hosts-'));
  const clock = new FakeClock();
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const hosts = createInferenceHosts({
    models: anyModel,
    device: 'cpu',
    threads: 1,
    dataDir: folder,
    blobFolder: join(folder, 'blobs'),
    loraFolder: join(folder, 'loras'),
    memoryBudgetBytes: 100,
    safety: { checker: true },
    clock,
    logger: createLogger({ level: 'debug', destination }),
    hostModule: hostProgram,
    ...options,
  });
  opened.push(hosts);
  return { hosts, clock, lines, folder };
}

function writing(prompt: string, model = 'tiny'): InferenceRequest {
  return textRequestSchema.parse({ ...textRequest, model, input: { form: 'raw', text: prompt } });
}
function painting(prompt: string, model = 'brush'): InferenceRequest {
  return imageRequestSchema.parse({ ...imageRequest, model, prompt });
}

/** Reads a run in the background; `told` grows as events come. */
function follow(hosts: InferenceHosts, request: InferenceRequest) {
  const abort = new AbortController();
  const keep = new AbortController();
  const told: GenerationEvent[] = [];
  const read = async (): Promise<unknown> => {
    try {
      for await (const event of hosts.run(request, { signal: abort.signal, keep: keep.signal, jobId: newJobId() })) told.push(event);
      return 'finished';
    } catch (error) {
      return error;
    }
  };
  const kinds = () => told.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1]);
  return { abort, keep, told, kinds, ended: read() };
}

describe('inference hosts', () => {
  it('load a model, say so, and stream its answer', async () => {
    const { hosts } = await start();
    const job = follow(hosts, writing('count'));
    expect(await job.ended).toBe('finished');
    expect(job.kinds()).toEqual(['loading', 'started', 'text-delta', 'finished']);
    expect(job.told.flatMap((event) => (event.type === 'text-delta' ? event.tokenIds : []))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(job.told[1]).toEqual({ type: 'started', model: 'tiny', device: 'cpu' });
    const again = follow(hosts, writing('count'));
    expect(await again.ended).toBe('finished');
    expect(again.kinds()).toEqual(['started', 'text-delta', 'finished']);
  });

  it('carry previews as bytes and store pictures in the blob folder', async () => {
    const { hosts, folder } = await start();
    const job = follow(hosts, painting('a fox'));
    expect(await job.ended).toBe('finished');
    const step = job.told.find((event) => event.type === 'step');
    expect(step?.preview?.bytes).toEqual(Uint8Array.of(1, 2, 1));
    const picture = job.told.find((event) => event.type === 'image');
    expect([...(await readFile(join(folder, 'blobs', picture!.blob.slice(0, 2), picture!.blob)))]).toEqual([1, 2, 3]);
  });

  it('run their program from the sources as well as built', async () => {
    const { hosts } = await start({ hostModule: new URL('../../fakes/scripted-host-entry.ts', import.meta.url) });
    expect(await follow(hosts, writing('count')).ended).toBe('finished');
  });

  it('keep each lane in a process of its own', async () => {
    const { hosts } = await start();
    await Promise.all([hosts.warm('tiny'), hosts.warm('painter')]);
    const { text, image } = hosts.pids();
    expect(new Set([text, image, process.pid]).size).toBe(3);
  });

  it.each([
    ['a token loop', () => writing('die at 3 once'), ['loading', 'started', 'text-delta', 'restarted', 'loading', 'started', 'text-delta', 'finished']],
    ['a denoising loop', () => painting('die at 4 once'), ['loading', 'started', 'step', 'restarted', 'loading', 'started', 'step', 'image', 'finished']],
    ['a load', () => writing('count', 'once-dies-in-load'), ['loading', 'restarted', 'loading', 'started', 'text-delta', 'finished']],
  ])('repeat a job whose host was killed in the middle of %s, from its start', async (_where, request, kinds) => {
    const { hosts } = await start();
    const job = follow(hosts, request());
    expect(await job.ended).toBe('finished');
    expect(job.kinds()).toEqual(kinds);
  });

  it.each([
    ['a token loop', () => writing('die at 3'), 'text'],
    ['a denoising loop', () => painting('die at 4'), 'image'],
    ['a load', () => writing('count', 'dies-in-load'), 'text'],
  ])('fail clearly when the second host dies in %s as well, and serve the next job', async (_where, request, lane) => {
    const { hosts, clock } = await start();
    expect(await follow(hosts, request()).ended).toMatchObject({ code: 'host-died', facts: { lane, attempts: 2 } });
    const next = follow(hosts, lane === 'text' ? writing('count') : painting('a fox'));
    await eventually(async () => {
      await clock.advance(500); // the third start waits a little
      expect(next.kinds()).toContain('started');
    });
    expect(await next.ended).toBe('finished');
  });

  it.each([
    ['a run', () => writing('hang at 2 for 40000 once'), 'run', 40_000],
    ['a load', () => writing('count', 'hangs-in-load'), 'load', 20_000],
  ])('leave a host alone within the time it announced for %s and kill it past that', async (_what, request, _call, budgetMs) => {
    const { hosts, clock, lines } = await start();
    const job = follow(hosts, request());
    await eventually(() => expect(job.kinds()).toContain('loading'));
    const pid = hosts.pids().text!;
    await eventually(() => expect(busy(pid)).toBe(true));
    await clock.advance(budgetMs);
    expect(lines.some((line) => line.includes('a host is killed'))).toBe(false);
    await clock.advance(60_000);
    expect(lines.some((line) => line.includes('a host is killed') && line.includes('past its time in'))).toBe(true);
    await eventually(() => expect(job.kinds()).toContain('restarted'));
    job.abort.abort();
  });

  it('cancel between two steps, and the host lives on', async () => {
    const { hosts } = await start();
    const job = follow(hosts, writing('endless'));
    await eventually(() => expect(job.kinds()).toContain('text-delta'));
    const { text: pid } = hosts.pids();
    job.abort.abort(new FrescoError('cancelled', { by: 'ada' }));
    expect(await job.ended).toMatchObject({ code: 'cancelled', facts: { by: 'ada' } });
    expect(await follow(hosts, writing('count')).ended).toBe('finished');
    expect(hosts.pids().text).toBe(pid);
  });

  it('kill a host that ignores a cancel, and do not repeat the job', async () => {
    const { hosts, clock } = await start();
    const job = follow(hosts, writing('deaf'));
    await eventually(() => expect(job.told.length).toBeGreaterThan(10));
    job.abort.abort();
    await settled();
    await eventually(async () => {
      await clock.advance(5_000);
      expect(hosts.pids().text).toBeUndefined();
    });
    expect(await job.ended).toMatchObject({ code: 'cancelled' });
    expect(job.kinds()).not.toContain('restarted');
  });

  it('stop where they are asked to keep what there is', async () => {
    const { hosts } = await start();
    const job = follow(hosts, painting('endless'));
    await eventually(() => expect(job.kinds()).toContain('step'));
    job.keep.abort();
    expect(await job.ended).toBe('finished');
    expect(job.told.at(-1)).toMatchObject({ type: 'finished', finishReason: 'stopped-early' });
  });

  it('bring an error over with its code and facts, and turn a bug into a reference', async () => {
    const { hosts, lines } = await start();
    expect(await follow(hosts, writing('refuse')).ended).toMatchObject({ code: 'context-full', facts: { tokens: 9, capacity: 8 } });
    expect(await follow(hosts, writing('bug')).ended).toMatchObject({ code: 'internal', facts: { reference: expect.stringMatching(/^[0-9a-f]{8}$/) } });
    expect(lines.some((line) => line.includes('a bug in the engine'))).toBe(true);
    expect(await follow(hosts, writing('count', 'breaks')).ended).toMatchObject({ code: 'model-broken', facts: { file: 'onnx/model.onnx' } });
    expect(await follow(hosts, writing('count', 'nowhere')).ended).toMatchObject({ code: 'model-unknown' });
  });

  it('write what a host logs into main’s log', async () => {
    const { hosts, lines } = await start();
    await follow(hosts, writing('count')).ended;
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ host: 'text', tokens: 10, msg: 'the scripted engine writes' }));
  });

  it('let the least recently used model go when the next one needs its room, over both lanes', async () => {
    const { hosts, clock } = await start();
    await hosts.warm('one');
    await clock.advance(10);
    await hosts.warm('painter');
    await clock.advance(10);
    await hosts.warm('two'); // 3 × 40 bytes are more than 100: `one` goes
    const one = follow(hosts, writing('count', 'one'));
    await one.ended;
    expect(one.kinds()[0]).toBe('loading');
    const two = follow(hosts, writing('count', 'two'));
    await two.ended;
    expect(two.kinds()[0]).toBe('started');
  });

  it('refuse a model that can never fit', async () => {
    const { hosts } = await start({ memoryBudgetBytes: 30 });
    expect(await follow(hosts, writing('count')).ended).toMatchObject({ code: 'memory-budget', facts: { neededBytes: 40, budgetBytes: 30 } });
  });

  it('take the first device that really works, try each in a process that may crash, and say why not a better one', async () => {
    const { hosts } = await start({ device: 'auto' });
    const report = await hosts.devices();
    expect(report).toMatchObject({ device: 'cpu', forced: false, fellBack: true });
    expect(report.tried).toEqual([
      { device: 'cuda', works: false, reason: 'no such library', mend: expect.stringContaining('CUDA 12') },
      { device: 'webgpu', works: false, reason: 'it crashed the process that tried it', mend: expect.stringContaining('Vulkan') },
      { device: 'cpu', works: true },
    ]);
  });

  it('refuse to exchange a device that the owner named', async () => {
    const { hosts } = await start({ device: 'cuda' });
    expect(await follow(hosts, writing('count')).ended).toMatchObject({ code: 'device-unavailable', facts: { device: 'cuda' } });
  });

  it('end their processes when they are closed, also one in the middle of a call', async () => {
    const { hosts, clock } = await start();
    await hosts.warm('painter');
    const job = follow(hosts, writing('hang at 2 for 1000000'));
    await eventually(() => expect(job.kinds()).toContain('text-delta'));
    const { text, image } = hosts.pids();
    const closed = hosts.close();
    await eventually(() => expect(isRunning(image!)).toBe(false));
    await clock.advance(1_000);
    await closed;
    await eventually(() => expect(isRunning(text!)).toBe(false));
    expect(await job.ended).toMatchObject({ code: 'host-died' });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** True when the process uses a processor: it is inside its endless loop (Linux; elsewhere assumed). */
function busy(pid: number): boolean {
  try {
    return / R /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').slice(0, 60));
  } catch {
    return process.platform !== 'linux';
  }
}
