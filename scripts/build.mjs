import { cp, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const common = { absWorkingDir: root, bundle: true, format: 'esm', sourcemap: true, logLevel: 'warning' };

/** Builds the program (main, command line, hosts) and the page into `dist/`; about a second. */
export async function buildFresco({ outdir = 'dist' } = {}) {
  await rm(`${root}/${outdir}`, { recursive: true, force: true });
  await mkdir(`${root}/${outdir}/page`, { recursive: true });
  await Promise.all([
    build({
      ...common,
      entryPoints: { cli: 'src/cli.ts', 'host-entry': 'src/inference/host/host-entry.ts' },
      platform: 'node',
      target: 'node20',
      packages: 'external',
      splitting: true,
      outdir,
    }),
    buildPage(`${outdir}/page`),
  ]);
}

/** Builds the page alone. */
export async function buildPage(outdir) {
  await mkdir(`${root}/${outdir}`, { recursive: true });
  const page = `${root}/src/bot/web/page`;
  await Promise.all([
    build({
      ...common,
      entryPoints: ['src/bot/web/page/page.tsx', 'src/bot/web/page/page.css'],
      platform: 'browser',
      target: 'es2022',
      minify: true,
      outdir,
      jsx: 'automatic',
      jsxImportSource: 'preact',
    }),
    ...['index.html', 'icon.svg'].map((file) => cp(`${page}/${file}`, `${root}/${outdir}/${file}`)),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildFresco();
