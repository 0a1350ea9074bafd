import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';

/** What the client saw, in milliseconds. */
export interface RushReport {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly acknowledgedMs: readonly number[];
  readonly served: number;
  readonly refused: number;
}

const [address = '', mode] = process.argv.slice(2);
const id = (): string => randomBytes(12).toString('hex');

interface Visitor {
  readonly cookie: string;
  readonly conversation: string;
}
async function visit(): Promise<Visitor> {
  const response = await fetch(`${address}/api/me`);
  return { cookie: (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '', conversation: id() };
}
async function post({ cookie, conversation }: Visitor, path: string, body: object): Promise<{ kind: string; message: unknown }> {
  const response = await fetch(`${address}${path}`, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json' },
    body: JSON.stringify({ conversation, ...body }),
  });
  return (await response.json()) as { kind: string; message: unknown };
}

/** A 30-step picture and an answer at once, until both are done. */
async function work(): Promise<RushReport> {
  const visitor = await visit();
  const events = await fetch(`${address}/api/events`, { headers: { cookie: visitor.cookie } });
  const startedMs = performance.now();
  await post(visitor, '/api/chat', { message: id(), text: 'Tell me about the sea.' });
  await post(visitor, '/api/command', { command: 'imagine', text: 'a red apple on a blue background --steps 30' });
  let firstMs = 0;
  const done = new Set<string>();
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of events.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((each) => each.startsWith('data: '))) {
      const { message } = JSON.parse(line.slice(6)) as { message: { id: string; text: string; kind: string; final: boolean } };
      if (firstMs === 0 && message.kind === 'chat' && message.text !== '') firstMs = performance.now() - startedMs;
      if (message.final) done.add(message.id);
    }
    if (done.size === 2) break;
  }
  return { firstMs, lastMs: performance.now() - startedMs, acknowledgedMs: [], served: 2, refused: 0 };
}

/** 200 requests of 40 visitors at once, each timed until its answer. */
async function rush(): Promise<RushReport> {
  const visitors = await Promise.all(Array.from({ length: 40 }, visit));
  const acknowledgedMs: number[] = [];
  let served = 0;
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const visitor = visitors[index % visitors.length];
      if (visitor === undefined) return;
      const startedMs = performance.now();
      const body =
        index % 4 === 0
          ? await post(visitor, '/api/command', { command: 'imagine', text: `a fox number ${index}` })
          : await post(visitor, '/api/chat', { message: id(), text: `Hello ${index}` });
      acknowledgedMs.push(performance.now() - startedMs);
      if (body.kind === 'work') served += 1;
    }),
  );
  return { firstMs: 0, lastMs: 0, acknowledgedMs, served, refused: acknowledgedMs.length - served };
}

process.send?.(mode === 'work' ? await work() : await rush());
process.exit(0);
