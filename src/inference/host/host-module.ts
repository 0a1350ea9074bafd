import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** A program that becomes a host when it is forked, and the Node options it needs. */
export interface HostModule {
  readonly url: URL;
  readonly execArgv: readonly string[];
}

/** The host's program: beside this file in the sources (run by tsx, for tests), beside the bundle in the build. */
export function hostModule(other?: URL): HostModule {
  const inSources = import.meta.url.endsWith('.ts');
  const url = other ?? new URL(inSources ? './host-entry.ts' : './host-entry.js', import.meta.url);
  if (!url.pathname.endsWith('.ts')) return { url, execArgv: ['--enable-source-maps'] };
  return { url, execArgv: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] };
}
