import { describe, expect, it } from 'vitest';
import { WebRooms } from '../../../src/bot/web/web-rooms.ts';
import type { WireUpdate } from '../../../src/bot/web/wire-message.ts';

const update = (id: string, text: string, final = false): WireUpdate => ({
  conversation: 'conversation-1',
  message: { id, role: 'assistant', speaker: 'Fresco', createdAtMs: 0, kind: 'chat', text, pictures: [], actions: [], final },
});

function page() {
  const received: string[] = [];
  const state = { isSlow: false };
  return {
    received,
    state,
    listener: {
      write: ({ message }: WireUpdate) => {
        received.push(message.text);
        return !state.isSlow;
      },
    },
  };
}

describe('the rooms of the page', () => {
  it('send a state to every open page of its visitor and to nobody else', () => {
    const rooms = new WebRooms();
    const [mine, alsoMine, other] = [page(), page(), page()];
    rooms.join('a', mine.listener);
    rooms.join('a', alsoMine.listener);
    rooms.join('b', other.listener);
    rooms.send('a', update('m', 'hello'));
    expect([mine.received, alsoMine.received, other.received]).toEqual([['hello'], ['hello'], []]);
  });

  it('show a growing message to a page that comes late, and a finished one no more', () => {
    const rooms = new WebRooms();
    rooms.send('a', update('m', 'growing'));
    const late = page();
    rooms.join('a', late.listener);
    expect(late.received).toEqual(['growing']);
    rooms.send('a', update('m', 'done', true));
    const later = page();
    rooms.join('a', later.listener);
    expect(later.received).toEqual([]);
    expect(rooms.growing('a', 'conversation-1')).toEqual([]);
  });

  it('keep only the newest state of each message for a slow page', () => {
    const rooms = new WebRooms();
    const slow = page();
    const seat = rooms.join('a', slow.listener);
    slow.state.isSlow = true;
    rooms.send('a', update('m', 'one'));
    for (const text of ['two', 'three', 'four']) rooms.send('a', update('m', text));
    rooms.send('a', update('n', 'other'));
    slow.state.isSlow = false;
    seat.drained();
    expect(slow.received).toEqual(['one', 'four', 'other']);
  });

  it('forget a page that left', () => {
    const rooms = new WebRooms();
    const gone = page();
    rooms.join('a', gone.listener).leave();
    rooms.send('a', update('m', 'hello'));
    expect(gone.received).toEqual([]);
  });
});
