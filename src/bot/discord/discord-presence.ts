import { ActivityType, type Client } from 'discord.js';
import type { Clock } from '../../clock.ts';
import type { Desk, DeskPulse } from '../../commands/contract.ts';
import { idlePresence } from './discord-client.ts';

/** Presence shares a budget of 120 gateway messages a minute. */
const lookMs = 20_000;

/** The line under the bot's name. */
export function presenceOf({ waiting, running, paused }: DeskPulse): string {
  if (paused) return 'Paused';
  if (running + waiting === 0) return idlePresence;
  const work = `Working on ${running}`;
  return waiting === 0 ? work : `${work}, ${waiting} waiting`;
}

/** Keeps the presence at the queue's state until `signal` aborts. */
export async function showPresence(client: Client<true>, options: { readonly desk: Desk; readonly clock: Clock; readonly signal: AbortSignal }): Promise<void> {
  let shown = idlePresence;
  while (!options.signal.aborted) {
    const pulse = options.desk.pulse();
    const state = presenceOf(pulse);
    if (state !== shown && client.isReady()) {
      shown = state;
      client.user.setPresence({ status: pulse.paused ? 'idle' : 'online', activities: [{ name: 'Fresco', type: ActivityType.Custom, state }] });
    }
    await options.clock.wait(lookMs, options.signal);
  }
}
