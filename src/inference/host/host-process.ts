import { setPriority } from 'node:os';
import process from 'node:process';
import type { EngineTable } from './engine-table.ts';
import { HostLoop } from './host-loop.ts';
import { isToHost } from './wire-protocol.ts';

/** Chat connections and the page come first: a host gives way to main when the machine is busy. */
const hostNiceness = 15;

/** Makes this process a host: it serves main over the channel it was forked with, and ends when main is gone. */
export function becomeHost(table: EngineTable): void {
  const loop = new HostLoop(table, (message) => {
    if (process.connected) process.send?.(message);
  });
  process.on('message', (message: unknown) => {
    if (isToHost(message)) loop.receive(message);
  });
  process.on('disconnect', () => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {}); // main decides: Ctrl-C reaches the whole group
  if (process.platform !== 'win32') lowerPriority();
  process.send?.({ type: 'hello', pid: process.pid });
}

function lowerPriority(): void {
  try {
    setPriority(hostNiceness);
  } catch {
    // a container may forbid it; the host works as well without
  }
}
