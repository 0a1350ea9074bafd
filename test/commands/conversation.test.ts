import { describe, expect, it } from 'vitest';
import type { Place } from '../../src/commands/contract.ts';
import { chatMessages, conversationOf, transcriptOf } from '../../src/commands/conversation.ts';
import type { TurnRecord } from '../../src/commands/store/records.ts';
import { conversationKeySchema, userKeySchema } from '../../src/ids.ts';

const key = conversationKeySchema.parse('fake:hall');
const turn = (role: 'user' | 'assistant', text: string, owner = 'ana', content?: string): TurnRecord => ({
  id: text,
  conversation: key,
  parent: undefined,
  role,
  owner: userKeySchema.parse(owner),
  speaker: owner,
  text,
  content,
  job: undefined,
  message: undefined,
  createdAtMs: 0,
});
const hall: Place = { platform: 'fake', workspace: 'w', channel: 'hall', parentChannel: 'hall', direct: false, conversation: key, ageRestricted: false };
const owner = userKeySchema.parse('fake:ana');

describe('a conversation', () => {
  it('becomes messages, the persona first, without names while one person speaks', () => {
    expect(chatMessages([turn('user', 'hi'), turn('assistant', 'hello'), turn('user', 'who are you?')], 'You are a pirate.')).toEqual([
      { role: 'system', content: 'You are a pirate.' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'hello' },
      { role: 'user', content: 'who are you?' },
    ]);
  });

  it('names its speakers where there are several', () => {
    const messages = chatMessages([turn('user', 'hi'), turn('assistant', 'hello'), turn('user', 'and me?', 'ben')], undefined);
    expect(messages.map(({ content }) => content)).toEqual(['ana: hi', 'hello', 'ben: and me?']);
  });

  it('joins what one role says in a row, and leaves out what has no words yet', () => {
    const messages = chatMessages([turn('user', 'one'), turn('assistant', ''), turn('user', 'two')], undefined);
    expect(messages).toEqual([{ role: 'user', content: 'one\n\ntwo' }]);
  });

  it('gives the model what belongs to a message besides its text', () => {
    expect(chatMessages([turn('user', 'sum up', 'ana', 'sum up\n\nfile')], undefined)[0]?.content).toBe('sum up\n\nfile');
    expect(transcriptOf([turn('user', 'sum up', 'ana', 'file'), turn('assistant', ''), turn('assistant', 'done')])).toBe('ana: sum up\nAssistant: done');
  });

  it('is shared in a thread and a direct message, and begins anew with each question in an open channel', () => {
    const asked = { id: 'job1', isPrivate: false, owner };
    expect(conversationOf({ ...hall, thread: 't' }, asked)).toBe(key);
    expect(conversationOf({ ...hall, direct: true }, { ...asked, isPrivate: true })).toBe(key);
    expect(conversationOf(hall, asked)).toBe('fake:hall#job1');
    expect(conversationOf({ ...hall, thread: 't' }, { ...asked, isPrivate: true })).toBe('fake:hall#private:fake:ana');
  });
});
