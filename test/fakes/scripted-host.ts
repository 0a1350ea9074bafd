import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Builds the scripted host's program once and gives its address: a built one starts five times as fast as the sources. */
export async function scriptedHost(): Promise<URL> {
  const outfile = fileURLToPath(new URL('../../node_modules/.cache/fresco/scripted-host.mjs', import.meta.url));
  const entry = fileURLToPath(new URL('./scripted-host-entry.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'error' });
  return pathToFileURL(outfile);
}
