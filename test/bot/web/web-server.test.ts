import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebPlatform } from '../../../src/bot/web/web-platform.ts';
import { systemClock } from '../../../src/clock.ts';
import type { ImageRequest, UpscaleRequest } from '../../../src/inference/contract.ts';
import { findSampler } from '../../../src/inference/image/scheduler-table.ts';
import { playing } from '../../fakes/desk-bench.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { newId, WebBench, type WebBenchOptions } from './web-bench.ts';

let web: WebBench;
const open = async (options: WebBenchOptions = {}): Promise<WebBench> => {
  web = await WebBench.open({ clock: systemClock, desk: { checkImage }, ...options });
  return web;
};
afterEach(() => web[Symbol.asyncDispose]());

/** The part of the check before queueing that needs no model folder. */
const checkImage = async (request: ImageRequest | UpscaleRequest): Promise<void> => {
  if (request.kind === 'image' && request.sampler !== undefined) findSampler(request.sampler);
};

/** One field of a JSON answer, as text. */
const fieldOf = async (response: Response, name: string): Promise<string> => String(Reflect.get(Object(await response.json()), name));
const errorOf = (response: Response): Promise<string> => fieldOf(response, 'error');

describe('the server of the page', () => {
  it('sends a strict policy with every answer', async () => {
    const { address } = await open();
    for (const path of ['/', '/healthz', '/nothing', '/api/me']) {
      const { headers } = await fetch(address + path);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('answers no request by a foreign name', async () => {
    const { address } = await open();
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      request(address, { headers: { host: 'evil.example' } }, (response) => resolve(response.statusCode)).end();
    });
    expect(status).toBe(421);
  });

  it('refuses posts that another page sent', async () => {
    await open();
    const ana = await web.visitor('ana');
    const body = { conversation: ana.conversation, message: newId(), text: 'hello', files: [] };
    expect((await ana.post('/api/chat', body, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await ana.post('/api/chat', body, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect(web.bench.runner.runs).toHaveLength(0);
  });

  it('wants a session for everything behind the door', async () => {
    const { address } = await open();
    for (const path of ['/api/about', '/api/conversations', '/api/events', '/api/pictures', `/pictures/${'a'.repeat(64)}.png`]) {
      expect((await fetch(address + path)).status).toBe(401);
    }
    expect((await fetch(`${address}/api/about`, { headers: { cookie: 'fresco_session=forged.owner.1.x' } })).status).toBe(401);
  });

  it('asks for the password where one is set, and slows down guessing', async () => {
    const { address } = await open({ password: 'correct horse', ownerPassword: 'battery staple' });
    expect(await (await fetch(`${address}/api/me`)).json()).toEqual({ signedIn: false, isOwner: false });
    const login = (password: string) =>
      fetch(`${address}/api/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ password }) });
    expect((await login('wrong')).status).toBe(401);
    expect(await (await login('correct horse')).json()).toEqual({ signedIn: true, isOwner: false });
    expect(await (await login('battery staple')).json()).toEqual({ signedIn: true, isOwner: true });
    for (let attempt = 0; attempt < 9; attempt += 1) await login(`guess ${attempt}`);
    expect((await login('correct horse')).status).toBe(429);
  });

  it('does not bind to a public address without a password', async () => {
    await open();
    expect(() => new WebPlatform({ ...web.platform.options, host: '0.0.0.0' })).toThrow('FRESCO_PASSWORD');
  });

  it('says when its port is taken', async () => {
    await open();
    const port = Number(new URL(web.address).port);
    await expect(new WebPlatform({ ...web.platform.options, port }).start(web.bench.desk)).rejects.toMatchObject({ code: 'port-in-use', facts: { port } });
  });

  it('keeps visitors apart: conversations, pictures and files', async () => {
    const blobs = new MemoryBlobStore();
    await open({ blobs, script: playing({ blobs }) });
    const [ana, ben] = [await web.visitor('ana'), await web.visitor('ben')];
    await ana.command('/imagine a fox');
    await vi.waitFor(() => expect(ana.shown().at(-1)?.final).toBe(true));
    const src = ana.shown().at(-1)?.pictures[0]?.src ?? '';
    const picture = await ana.get(src);
    expect(picture.headers.get('content-type')).toBe('image/png');
    expect((await ben.get(src)).status).toBe(404);
    expect(await (await ben.get(`/api/conversations/${ana.conversation}`)).json()).toEqual([]);
    expect(await (await ben.get('/api/pictures')).json()).toEqual([]);
    expect(await (await ana.get('/api/pictures')).json()).toMatchObject([{ prompt: 'a fox', src }]);
    expect(ben.shown()).toEqual([]);
  });

  it("does nothing for a button of somebody else's job, whatever id is forged", async () => {
    await open({ ownerPassword: 'battery staple' });
    const [ana, ben] = [await web.visitor('ana'), await web.visitor('ben')];
    await ana.command('/imagine a lighthouse');
    const run = await web.bench.runner.nextRun();
    run.emit({ type: 'started', model: 'tiny-painter', device: 'cpu' });
    await vi.waitFor(() => expect(ana.shown().at(-1)?.actions.length).toBeGreaterThan(0));
    const { id = '', actions = [] } = ana.shown().at(-1) ?? {};
    for (const action of [...actions.map((each) => each.id), 'v1:cancel:../../etc', 'nonsense']) {
      const response = await ben.post('/api/press', { conversation: ben.conversation, message: id, action });
      expect(['answer', 'ignored']).toContain(await fieldOf(response, 'kind'));
    }
    expect(run.control.signal.aborted).toBe(false);
    run.finish();
  });

  it('takes a file and gives it to the command it is sent with', async () => {
    await open();
    const ana = await web.visitor('ana');
    const upload = await fetch(`${web.address}/api/files`, {
      method: 'POST',
      headers: { cookie: ana.cookie, 'content-type': 'text/plain', 'x-file-name': 'notes.txt' },
      body: 'The sea is wide.',
    });
    const id = await fieldOf(upload, 'id');
    await ana.command('/summarize', [id]);
    const { request } = await web.bench.runner.nextRun();
    expect(JSON.stringify(request)).toContain('The sea is wide.');
    expect((await (await web.visitor('ben')).post('/api/command', { conversation: newId(), command: 'summarize', text: '', files: [id] })).status).toBe(404);
  });

  it.each([
    ['an empty prompt', '/ask', /words/],
    ['a prompt of 6,001 characters', `/imagine ${'x'.repeat(6001)}`, /6,?001.*6,?000/],
    ['control characters', '/ask a\u0007b', /control/],
    ['half a character', '/ask a\ud800b', /half a character/],
    ['no steps', '/imagine a fox --steps 0', /steps.*0.*1 to/],
    ['ten thousand steps', '/imagine a fox --steps 10000', /steps.*10000/],
    ['steps that are no number', '/imagine a fox --steps NaN', /steps.*NaN/],
    ['an unknown sampler', '/imagine a fox --sampler abacus', /abacus/],
    ['an unknown model', '/imagine a fox --model nothing-like-it', /nothing-like-it/],
    ['an unknown flag', '/imagine a fox --wings 2', /wings/],
    ['an unknown command', '/fly away', /fly/],
  ])('answers %s with a sentence that has the limit or the value', async (_what, line, sentence) => {
    await open();
    const ana = await web.visitor('ana');
    const reception = await ana.command(line).catch((error: Error) => error.message);
    if (typeof reception === 'object' && reception.kind === 'work') await vi.waitFor(() => expect(ana.shown().at(-1)?.final).toBe(true));
    const said = typeof reception === 'string' ? reception : (ana.shown().at(-1)?.text ?? '');
    expect(said).toMatch(sentence);
    expect(said).not.toMatch(/undefined|\[object|Error:/);
    expect(web.bench.runner.runs).toHaveLength(0);
  });

  it('answers a chat of 100,001 characters with the limit', async () => {
    await open();
    const ana = await web.visitor('ana');
    await ana.say('x'.repeat(100_001));
    expect(ana.shown().at(-1)?.text).toMatch(/100,?001.*100,?000/);
  });

  it('answers broken JSON and a body of the wrong shape with a status and a sentence', async () => {
    const { address } = await open();
    const ana = await web.visitor('ana');
    const broken = await fetch(`${address}/api/chat`, { method: 'POST', headers: { cookie: ana.cookie, 'content-type': 'application/json' }, body: '{ no' });
    expect(broken.status).toBe(400);
    const wrong = await ana.post('/api/chat', { conversation: '../..', text: 1 });
    expect(wrong.status).toBe(400);
    expect(await errorOf(wrong)).toMatch(/conversation/);
    const large = await ana.post('/api/chat', { conversation: ana.conversation, message: newId(), text: 'x'.repeat(3_000_000), files: [] });
    expect(large.status).toBe(413);
  });

  it('takes no new requests once it closes its intake, and says so', async () => {
    await open();
    const ana = await web.visitor('ana');
    await web.platform.closeIntake();
    const response = await ana.post('/api/chat', { conversation: ana.conversation, message: newId(), text: 'hello', files: [] });
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toMatch(/shutting down/);
  });

  it('acknowledges 200 requests sent at once, served or refused with a reason', async () => {
    await open();
    const visitors = await Promise.all(Array.from({ length: 20 }, (_, index) => web.visitor(`visitor ${index}`)));
    const receptions = await Promise.all(Array.from({ length: 200 }, (_, index) => visitors[index % 20]?.command(`/imagine fox ${index}`)));
    const kinds = receptions.map((reception) => reception?.kind);
    expect(kinds.filter((kind) => kind === 'work').length).toBe(100);
    expect(kinds.filter((kind) => kind !== 'work' && kind !== 'answer')).toEqual([]);
  });
});
