import type { WireMessage, WireUpdate } from './wire-message.ts';

/** One open page: a server-sent event stream that may be slower than the states that come. */
export interface Listener {
  /** False when its buffer is full: the next write should wait for `drained`. */
  write(update: WireUpdate): boolean;
}

interface Seat {
  readonly listener: Listener;
  /** States that wait for a slow page; a newer state of the same message replaces the older. */
  readonly waiting: Map<string, WireUpdate>;
  isFull: boolean;
}

/** The open pages of each visitor and the messages still growing, so that a page that connects late sees them. */
export class WebRooms {
  readonly #seats = new Map<string, Set<Seat>>();
  readonly #growing = new Map<string, Map<string, WireUpdate>>();

  /** Joins a page; growing messages are sent at once. Returns what to call when it drained and when it left. */
  join(user: string, listener: Listener): { readonly drained: () => void; readonly leave: () => void } {
    const seat: Seat = { listener, waiting: new Map(), isFull: false };
    const seats = this.#seats.get(user) ?? new Set();
    this.#seats.set(user, seats.add(seat));
    for (const update of this.#growing.get(user)?.values() ?? []) deliver(seat, update);
    return {
      drained: () => {
        seat.isFull = false;
        for (const [id, update] of [...seat.waiting]) {
          if (seat.isFull) return;
          seat.waiting.delete(id);
          deliver(seat, update);
        }
      },
      leave: () => {
        seats.delete(seat);
        if (seats.size === 0) this.#seats.delete(user);
      },
    };
  }

  /** Sends a state to every page of the visitor and remembers it until it is final. */
  send(user: string, update: WireUpdate): void {
    const { message } = update;
    const growing = this.#growing.get(user) ?? new Map<string, WireUpdate>();
    if (message.final) growing.delete(message.id);
    else growing.set(message.id, update);
    if (growing.size > 0) this.#growing.set(user, growing);
    else this.#growing.delete(user);
    for (const seat of this.#seats.get(user) ?? []) deliver(seat, update);
  }

  /** The growing messages of one conversation. */
  growing(user: string, conversation: string): readonly WireMessage[] {
    return [...(this.#growing.get(user)?.values() ?? [])].filter((update) => update.conversation === conversation).map(({ message }) => message);
  }
}

function deliver(seat: Seat, update: WireUpdate): void {
  if (seat.isFull) {
    seat.waiting.set(update.message.id, update);
    return;
  }
  seat.isFull = !seat.listener.write(update);
}
