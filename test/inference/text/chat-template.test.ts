import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatTurn } from '../../../src/inference/contract.ts';
import { ChatTemplate, foldSystem, mergeNeighbours } from '../../../src/inference/text/chat-template.ts';
import { fitTurns } from '../../../src/inference/text/context-window.ts';

const user = (content: string): ChatTurn => ({ role: 'user', content });
const assistant = (content: string): ChatTurn => ({ role: 'assistant', content });
const system = (content: string): ChatTurn => ({ role: 'system', content });

const chatml =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
/** As Gemma 2's: no system role, strict alternation, contents trimmed. */
const strict =
  "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}{{ '<start_of_turn>' + message['role'] + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}";
const thinking =
  '{% for m in messages %}{{ m.content }}|{% endfor %}{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}';
const reply = { continueLast: false };

describe('ChatTemplate', () => {
  it('renders the model’s own template with its named tokens', () => {
    const template = new ChatTemplate('gemma', strict, { bos_token: '<bos>' });
    expect(template.render([user('hi')], reply)).toBe('<bos><start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n');
  });

  it('joins turns and folds the system text where the template refuses them', () => {
    const template = new ChatTemplate('gemma', strict, { bos_token: '' });
    const rendered = template.render([system('Be kind.'), user('one'), user('two'), assistant('ok'), user('three')], reply);
    expect(rendered).toContain('user\nBe kind.\n\none\n\ntwo<end_of_turn>');
    expect(template.render([assistant('Welcome!'), user('hi')], reply)).toContain('<start_of_turn>user\nhi');
  });

  it('leaves neighbours of one role alone where the template takes them', () => {
    const template = new ChatTemplate('chatml', chatml, {});
    expect(template.render([user('a'), user('b')], reply)).toContain('user\na<|im_end|>\n<|im_start|>user\nb');
  });

  it('ends inside the last message when that goes on', () => {
    const template = new ChatTemplate('chatml', chatml, {});
    expect(template.render([user('a'), assistant('Once upon ')], { continueLast: true })).toMatch(/assistant\nOnce upon $/);
    const trimming = new ChatTemplate('gemma', strict, { bos_token: '' });
    expect(trimming.render([user('a'), assistant('Once upon ')], { continueLast: true })).toMatch(/assistant\nOnce upon$/);
    expect(template.render([user('a'), assistant('')], { continueLast: true })).toMatch(/a<\|im_end\|>\n<\|im_start\|>assistant\n$/);
  });

  it('passes the thinking switch on only when it is set', () => {
    const template = new ChatTemplate('qwen', thinking, {});
    expect(template.render([user('a')], reply)).toBe('a|');
    expect(template.render([user('a')], { continueLast: false, thinking: false })).toBe('a|<think></think>');
  });

  it('writes a transcript for a model without a template', () => {
    const template = new ChatTemplate('gpt2', undefined, {});
    expect(template.render([user('hi'), assistant('yes'), user('so')], reply)).toBe('User: hi\nAssistant: yes\nUser: so\nAssistant:');
    expect(template.stopStrings).toContain('\nUser:');
  });

  it('says so when a template cannot be parsed or refuses everything', () => {
    expect(() => new ChatTemplate('x', '{% for %}', {})).toThrow(expect.objectContaining({ code: 'model-broken' }));
    const never = new ChatTemplate('x', "{{ raise_exception('no') }}", {});
    expect(() => never.render([user('a')], reply)).toThrow(expect.objectContaining({ code: 'model-unsupported' }));
  });
});

describe('mergeNeighbours and foldSystem', () => {
  const turns = fc.array(
    fc.record({ role: fc.constantFrom('user' as const, 'assistant' as const, 'system' as const), content: fc.constantFrom('a', 'b', 'c') }),
    { minLength: 1, maxLength: 12 },
  );

  it('leave no neighbours of one role, no system turn and every word in place', () => {
    fc.assert(
      fc.property(turns, (given) => {
        const folded = mergeNeighbours(foldSystem(given));
        expect(folded.some(({ role }) => role === 'system')).toBe(false);
        for (const [index, turn] of folded.entries()) expect(folded[index + 1]?.role).not.toBe(turn.role);
        const letters = (list: readonly ChatTurn[]): string =>
          list
            .map(({ content }) => content)
            .join('')
            .replaceAll('\n', '');
        expect([...letters(folded)].sort()).toEqual([...letters(given)].sort());
      }),
    );
  });
});

describe('fitTurns', () => {
  const count = (turns: readonly ChatTurn[]): number => turns.reduce((sum, { content }) => sum + content.length, 0);

  it('keeps everything that fits', () => {
    expect(fitTurns([user('aa'), assistant('bb')], 4, count)).toEqual({ turns: [user('aa'), assistant('bb')], dropped: 0 });
  });

  it('drops the oldest, never the system message, and starts with a question', () => {
    const turns = [system('SS'), user('1111'), assistant('2222'), user('3333'), assistant('4444'), user('55')];
    expect(fitTurns(turns, 13, count)).toEqual({ turns: [system('SS'), user('3333'), assistant('4444'), user('55')], dropped: 2 });
    expect(fitTurns(turns, 9, count)).toEqual({ turns: [system('SS'), user('55')], dropped: 4 });
  });

  it('keeps as much as fits, whatever the conversation', () => {
    const turn = fc.record({ role: fc.constantFrom('user' as const, 'assistant' as const), content: fc.string({ minLength: 1, maxLength: 9 }) });
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 20 }), fc.integer({ min: 9, max: 60 }), (turns, limit) => {
        const { turns: kept, dropped } = fitTurns(turns, limit, count);
        expect(kept).toEqual(turns.slice(dropped));
        expect(count(kept)).toBeLessThanOrEqual(limit);
        const more = turns.slice(0, dropped).findLastIndex(({ role }) => role === 'user');
        if (more >= 0 && kept[0]?.role === 'user') expect(count(turns.slice(more))).toBeGreaterThan(limit);
      }),
    );
  });

  it('refuses when the last turn alone is too long, with both figures', () => {
    expect(() => fitTurns([system('S'), user('x'.repeat(20))], 10, count)).toThrow(
      expect.objectContaining({ code: 'context-full', facts: { tokens: 21, capacity: 10 } }),
    );
  });
});
