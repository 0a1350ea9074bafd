import { describe, expect, it } from 'vitest';
import { firstState, nextState, type PageEvent, type PageState } from '../../../src/bot/web/page/page-state.ts';
import type { WireMessage } from '../../../src/bot/web/wire-message.ts';

const message = (id: string, more: Partial<WireMessage> = {}): WireMessage => ({
  id,
  role: 'assistant',
  speaker: 'Fresco',
  createdAtMs: 10,
  kind: 'chat',
  text: id,
  pictures: [],
  actions: [],
  final: true,
  ...more,
});
const stateAfter = (...events: readonly PageEvent[]): PageState => events.reduce(nextState, firstState('conversation-1'));
const update = (id: string, more: Partial<WireMessage> = {}): PageEvent => ({
  type: 'update',
  update: { conversation: 'conversation-1', message: message(id, more) },
});

describe("the page's state", () => {
  it('takes updates of the open conversation and of no other', () => {
    const other: PageEvent = { type: 'update', update: { conversation: 'conversation-2', message: message('x') } };
    expect(stateAfter(update('a'), other).messages.map(({ id }) => id)).toEqual(['a']);
  });

  it('replaces a state by the newer one in its place and removes a deleted message', () => {
    const state = stateAfter(update('a', { text: 'one' }), update('b'), update('a', { text: 'two' }));
    expect(state.messages.map(({ text }) => text)).toEqual(['two', 'b']);
    expect(
      nextState(state, { type: 'update', update: { conversation: 'conversation-1', message: message('b'), removed: true } }).messages.map(({ id }) => id),
    ).toEqual(['a']);
  });

  it('keeps notices that only this page has when the transcript is read again', () => {
    const state = stateAfter(update('a'), { type: 'add', message: message('n', { kind: 'notice' }) });
    const read: PageEvent = { type: 'transcript', conversation: 'conversation-1', messages: [message('a'), message('b')] };
    expect(nextState(state, read).messages.map(({ id }) => id)).toEqual(['a', 'b', 'n']);
  });

  it('ends with a sentence what grew here and is known to the server no more', () => {
    const state = stateAfter(update('a', { final: false, text: '', status: { phase: 'writing' }, statusLine: 'Writing …' }));
    const [cut] = nextState(state, { type: 'transcript', conversation: 'conversation-1', messages: [] }).messages;
    expect(cut).toMatchObject({ final: true, status: { phase: 'failed' }, text: expect.stringMatching(/restarted.*send it again/) });
    expect(cut).not.toHaveProperty('statusLine');
  });

  it('ignores the transcript of a conversation that was left', () => {
    const read: PageEvent = { type: 'transcript', conversation: 'conversation-1', messages: [message('a')] };
    expect(stateAfter({ type: 'open', conversation: 'conversation-2' }, read).messages).toEqual([]);
  });
});
