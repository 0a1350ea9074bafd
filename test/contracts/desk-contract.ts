import { describe, expect, it } from 'vitest';
import type { Desk, Invocation, Place, Principal } from '../../src/commands/contract.ts';
import { conversationKeySchema, newJobId } from '../../src/ids.ts';
import { FakeSurface } from '../fakes/fake-surface.ts';

export interface DeskSetUp extends AsyncDisposable {
  readonly desk: Desk;
}
const principal: Principal = { platform: 'fake', workspace: 'w', channel: 'c', user: 'cora', name: 'Cora', groups: [], isGuest: false };
const place: Place = {
  platform: 'fake',
  workspace: 'w',
  channel: 'c',
  parentChannel: 'c',
  direct: true,
  conversation: conversationKeySchema.parse('fake:c'),
  ageRestricted: false,
};
const asked = { principal, place, receivedAtMs: 1_700_000_000_000 };

/** What a platform may rely on, whatever desk it was given. `open` gives a desk whose jobs run to their end by themselves. */
export function deskContract(name: string, open: () => Promise<DeskSetUp>): void {
  const wrong: readonly (readonly [string, Invocation])[] = [
    ['an unknown command', { kind: 'command', command: 'explode', options: {}, ...asked }],
    ['a wrong option', { kind: 'typed', command: 'imagine', text: 'a fox --steps 0', attachments: [], ...asked }],
    ['a made-up button', { kind: 'press', actionId: `v1:delete:${newJobId()}:0x9`, message: { platform: 'fake', channel: 'c', message: 'm' }, ...asked }],
    [
      'a stop button of a job that is gone',
      { kind: 'press', actionId: `v1:stop:${newJobId()}`, message: { platform: 'fake', channel: 'c', message: 'm' }, ...asked },
    ],
    ['a made-up form', { kind: 'form', formId: 'v9:x', values: {}, ...asked }],
    ['broken UTF-16', { kind: 'chat', text: 'half \ud83d', message: '1', attachments: [], ...asked }],
    ['control characters', { kind: 'chat', text: 'bell \u0007', message: '1', attachments: [], ...asked }],
    ['a prompt of 100,001 characters', { kind: 'chat', text: 'x'.repeat(100_001), message: '1', attachments: [], ...asked }],
  ];

  describe(`${name} as a desk`, () => {
    it.each(wrong)('answers the sender alone, at once, for %s', async (_, invocation) => {
      await using setUp = await open();
      const reception = setUp.desk.receive(invocation);
      expect(reception).toMatchObject({ kind: 'answer', audience: 'sender', message: { kind: 'notice', final: true } });
      if (reception.kind === 'answer') expect(reception.message.text.length).toBeGreaterThan(10);
    });

    it('opens work with a message that is not final, and ends it with one that is', async () => {
      await using setUp = await open();
      const reception = setUp.desk.receive({ kind: 'chat', text: 'hello', message: '1', attachments: [], ...asked });
      if (reception.kind !== 'work') throw new Error(`not work but ${reception.kind}`);
      expect(reception.opening.final).toBe(false);
      const surface = new FakeSurface({ platform: 'fake', channel: 'c', message: 'm1' });
      await reception.run(surface);
      expect(surface.final?.final).toBe(true);
      expect(surface.finishes).toBe(1);
      expect(surface.shown.every(({ final }) => !final)).toBe(true);
    });

    it('never offers a button with a longer id than platforms take, nor two with the same', async () => {
      await using setUp = await open();
      const reception = setUp.desk.receive({ kind: 'typed', command: 'imagine', text: 'a fox --n 9', attachments: [], ...asked });
      if (reception.kind !== 'work') throw new Error(`not work but ${reception.kind}`);
      const surface = new FakeSurface({ platform: 'fake', channel: 'c', message: 'm1' });
      await reception.run(surface);
      const ids = surface.final?.actions.map(({ id }) => id) ?? [];
      expect(ids.length).toBeGreaterThan(10);
      expect(ids.length).toBeLessThanOrEqual(25);
      expect(new Set(ids).size).toBe(ids.length);
      expect(Math.max(...ids.map((id) => id.length))).toBeLessThanOrEqual(100);
      expect(Math.max(...(surface.final?.actions.map(({ label }) => label.length) ?? []))).toBeLessThanOrEqual(34);
    });

    it('completes with at most 25 choices of at most 100 characters', async () => {
      await using setUp = await open();
      for (const [command, option] of [
        ['imagine', 'prompt'],
        ['imagine', 'model'],
        ['ask', 'model'],
        ['help', 'command'],
        ['none', 'none'],
      ] as const) {
        const choices = setUp.desk.complete({ principal, command, option, typed: '' });
        expect(choices.length).toBeLessThanOrEqual(25);
        for (const choice of choices) expect(Math.max(choice.name.length, choice.value.length)).toBeLessThanOrEqual(100);
      }
    });

    it('lets a person see a picture from the moment that its message shows it', async () => {
      await using setUp = await open();
      const reception = setUp.desk.receive({ kind: 'typed', command: 'imagine', text: 'a fox', attachments: [], ...asked });
      if (reception.kind !== 'work') throw new Error(`not work but ${reception.kind}`);
      const surface = new FakeSurface({ platform: 'fake', channel: 'c', message: 'm1' });
      const seen: Promise<boolean>[] = [];
      const show = surface.show.bind(surface);
      surface.show = (message) => {
        for (const { source } of message.pictures) if (source.kind === 'blob') seen.push(setUp.desk.library.maySee(principal, source.blob));
        show(message);
      };
      await reception.run(surface);
      expect(seen.length).toBeGreaterThan(0);
      expect(await Promise.all(seen)).not.toContain(false);
    });

    it('shows a person nothing of a conversation that they take no part in', async () => {
      await using setUp = await open();
      const reception = setUp.desk.receive({ kind: 'typed', command: 'imagine', text: 'a fox', attachments: [], ...asked });
      if (reception.kind !== 'work') throw new Error(`not work but ${reception.kind}`);
      await reception.run(new FakeSurface({ platform: 'fake', channel: 'c', message: 'm1' }));
      const { library } = setUp.desk;
      const [picture] = await library.pictures(principal, 5);
      const stranger: Principal = { ...principal, user: 'dan' };
      expect(await library.transcript(principal, place.conversation)).toHaveLength(2);
      expect(await library.transcript(stranger, place.conversation)).toEqual([]);
      expect(await library.conversations(stranger)).toEqual([]);
      expect(await library.pictures(stranger, 5)).toEqual([]);
      if (picture === undefined) throw new Error('no picture');
      expect(await library.maySee(principal, picture.blob)).toBe(true);
      expect(await library.maySee(stranger, picture.blob)).toBe(false);
    });
  });
}
