#!/usr/bin/env node
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli.js', import.meta.url);
if (!existsSync(program)) {
  const { buildFresco } = await import('../scripts/build.mjs'); // first use after npm ci
  await buildFresco();
}
process.setSourceMapsEnabled(true);
await import(program.href);
