import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

export interface RunningFresco extends AsyncDisposable {
  readonly address: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Milliseconds from the start of the process until it said that it is ready. */
  readonly readyMs: number;
  /** Ends it without goodbye. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  terminate(): Promise<number | null>;
}

/** Starts the built program as `npm start` does, in an empty home, on any free port, and waits until it is ready. */
export async function runFresco(options: { readonly dataDir?: string; readonly environment?: Readonly<Record<string, string>> } = {}): Promise<RunningFresco> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'fresco-run-'));
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--enable-source-maps', 'dist/cli.js', 'start'], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: dataDir, FRESCO_PORT: '0', FRESCO_DATA_DIR: dataDir, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  const address = await readyAddress(child, exited);
  const running = {
    address,
    dataDir,
    pid: child.pid ?? 0,
    readyMs: performance.now() - startedMs,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    terminate: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
  return {
    ...running,
    [Symbol.asyncDispose]: async () => {
      await running.kill();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function readyAddress(child: ChildProcess, exited: Promise<number | null>): Promise<string> {
  return new Promise((resolveAddress, reject) => {
    let said = '';
    const read = (chunk: Buffer): void => {
      said += chunk.toString();
      const match = /Fresco is ready: (http:\S+)/.exec(said);
      if (match?.[1] !== undefined) resolveAddress(match[1]);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    void exited.then((code) => reject(new Error(`Fresco ended with ${code} before it was ready:\n${said}`)));
  });
}
