import { escapeMarkdown } from 'discord.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discordMarkdown } from '../../../src/bot/discord/discord-markdown.ts';
import { renderLayout, renderText } from '../../../src/bot/discord/discord-render.ts';
import type { Action } from '../../../src/commands/contract.ts';
import { checkMessageBody, createFlags } from '../../fakes/discord/message-schema.ts';
import { chatMessage } from '../../fakes/scripted-desk.ts';

describe('Markdown for Discord', () => {
  it('keeps what Discord knows', () => {
    const text = '# Title\n**bold** *it* ~~no~~ `code`\n- one\n1. two\n> quote\n[site](https://example.org)\n```ts\nconst a = 1;\n```';
    expect(discordMarkdown(text)).toBe(text);
  });

  it('says tables, deep headings, pictures and rules in other words', () => {
    expect(discordMarkdown('| a | bb |\n|---|---|\n| 1 | 2 |')).toBe('```\na  bb\n─  ──\n1  2\n```');
    expect(discordMarkdown('#### Deep')).toBe('**Deep**');
    expect(discordMarkdown('![a fox](https://example.org/fox.png "x")')).toBe('[a fox](https://example.org/fox.png)');
    expect(discordMarkdown('---')).toMatch(/^⎯+$/);
  });

  it('takes the sting out of mass mentions, in code too', () => {
    expect(discordMarkdown('hi @everyone and `@here`\n```\n@everyone\n```')).not.toMatch(/@(everyone|here)/);
  });

  it('does not make spoilers or small print out of prose', () => {
    expect(discordMarkdown('if a || b')).toBe('if a \\|\\| b');
    expect(discordMarkdown('`a || b`')).toBe('`a || b`');
    expect(discordMarkdown('-# not small')).toBe('\\-# not small');
  });

  it('closes a fence that is still open, and lets no fence inside end one', () => {
    expect(discordMarkdown('```js\nlet a')).toBe('```js\nlet a\n```');
    expect(discordMarkdown('````md\n```\ninner\n```\n````').match(/^```/gm)).toHaveLength(2);
  });

  it('is untouched by the escaping that discord.js does to names', () => {
    expect(discordMarkdown(escapeMarkdown('snake_case_name'))).toBe('snake\\_case\\_name');
  });
});

const action = (index: number): Action => ({ id: `v1:reroll:${index}`, label: `Label ${index} `.repeat(12), style: 'secondary', emoji: '🎲' });

describe('Messages for Discord', () => {
  it('are always such as Discord takes, whatever the text', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 9000 }),
      fc
        .array(fc.constantFrom('```', '```ts', 'word '.repeat(90), '| a | b |', '|--|--|', '@everyone', '\n', '😀'.repeat(40), '-# x'), { maxLength: 60 })
        .map((parts) => parts.join('\n')),
    );
    fc.assert(
      fc.property(text, fc.nat(30), (words, count) => {
        const message = chatMessage(words, {
          actions: Array.from({ length: count }, (_, index) => action(index)),
          status: { phase: 'loading', model: 'x'.repeat(300) },
        });
        for (const piece of renderText(message)) expect(() => checkMessageBody(piece, { flags: createFlags })).not.toThrow();
        expect(() => checkMessageBody(renderLayout({ ...message, kind: 'picture' }, []), { flags: createFlags })).not.toThrow();
      }),
      { numRuns: 150 },
    );
  });
});
