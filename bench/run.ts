import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** `npm run bench` lists the benches; `npm run bench -- chat image` runs some, `-- all` runs every one after the other. */
const folder = import.meta.dirname;
const parts = new Set(['run', 'idle-process', 'page-rush']); // not benches by themselves
const known = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('-client.ts'))
  .map((file) => basename(file, '.ts'))
  .filter((name) => !parts.has(name));
const wanted = process.argv.slice(2);
const chosen = wanted.includes('all') ? known : wanted;
const unknown = chosen.filter((name) => !known.includes(name));

if (chosen.length === 0 || unknown.length > 0) {
  process.stdout.write(`${unknown.length === 0 ? '' : `There is no bench ${unknown.join(', ')}. `}Benches: ${known.join(', ')}. Run some by name, or all.\n`);
  process.exitCode = unknown.length === 0 ? 0 : 2;
}
for (const name of unknown.length === 0 ? chosen : []) {
  process.stdout.write(`\n# ${name}\n`);
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', join(folder, `${name}.ts`)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
