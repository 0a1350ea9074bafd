/**
 * Puts the 50 lines of chat-lines.json to the embedded model with its own defaults and writes what it says to
 * the end of docs/text-model.md. `npx tsx training/text/transcript.mts` from the root of the checkout.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { seedSchema } from '../../src/ids.ts';
import { OrtRuntime } from '../../src/inference/runtime/ort-session.ts';
import { openTextEngine } from '../../src/inference/text/text-engine.ts';

const root = path.resolve(import.meta.dirname, '../..');
const lines: readonly string[] = JSON.parse(readFileSync(path.join(import.meta.dirname, 'chat-lines.json'), 'utf8'));
const folder = path.join(root, 'models/smollm2-135m-instruct');
await using engine = await openTextEngine({ id: 'smollm2-135m-instruct', kind: 'text', folder, memoryBytes: 0 }, new OrtRuntime({ device: 'cpu', threads: 2 }));
const never = new AbortController().signal;

let transcript = '';
for (const [index, line] of lines.entries()) {
  let answer = '';
  let end = '';
  const events = engine.generate(
    {
      kind: 'text',
      model: 'smollm2-135m-instruct',
      input: { form: 'messages', messages: [{ role: 'user', content: line }] },
      sampling: { seed: seedSchema.parse(index + 1) },
      maxTokens: 80,
      stop: [],
      continueLast: false,
      useDefaults: true,
    },
    { signal: never, keep: never },
  );
  for await (const event of events) {
    if (event.type === 'text-delta') answer += event.text;
    if (event.type === 'finished') end = event.finishReason;
  }
  const quoted = answer.trim().split('\n').map((text) => `    ${text}`.trimEnd());
  transcript += `**${index + 1}. ${line}**${end === 'stop' ? '' : ` (ended: ${end})`}\n\n${quoted.join('\n')}\n\n`;
  process.stdout.write(`${index + 1} `);
}
const head = readFileSync(path.join(root, 'docs/text-model.md'), 'utf8').split('## Transcript')[0];
writeFileSync(path.join(root, 'docs/text-model.md'), `${head}## Transcript\n\n${transcript.trimEnd()}\n`);
