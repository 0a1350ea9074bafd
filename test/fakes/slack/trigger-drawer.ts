import type { Clock } from '../../../src/clock.ts';
import type { TriggerBook } from './slack-method.ts';
import { SlackRefusal } from './slack-refusal.ts';

const triggerLifeMs = 3000;

/** Trigger ids: three seconds, one use. */
export class TriggerDrawer implements TriggerBook {
  readonly #clock: Clock;
  readonly #triggers = new Map<string, { readonly user: string; readonly expiresAtMs: number; used: boolean }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(user: string): string {
    const id = `${this.#triggers.size + 1}.1.trigger`;
    this.#triggers.set(id, { user, expiresAtMs: this.#clock.now() + triggerLifeMs, used: false });
    return id;
  }

  exchange(id: string): string {
    const trigger = this.#triggers.get(id);
    if (trigger === undefined) throw new SlackRefusal('invalid_trigger_id');
    if (trigger.used) throw new SlackRefusal('exchanged_trigger_id');
    if (this.#clock.now() > trigger.expiresAtMs) throw new SlackRefusal('expired_trigger_id');
    trigger.used = true;
    return trigger.user;
  }
}
