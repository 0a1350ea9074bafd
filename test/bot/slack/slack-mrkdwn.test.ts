import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromSlack, harmlessMarkdown, literalMrkdwn, sendableMarkdown, toMrkdwn } from '../../../src/bot/slack/slack-mrkdwn.ts';

describe('Slack text', () => {
  it('turns Markdown into mrkdwn', () => {
    expect(toMrkdwn('# Title\n**bold** and *slanted* and ~~gone~~ in [a link](https://a.example/x?y=1)\n- one\n- [x] two')).toBe(
      '*Title*\n*bold* and _slanted_ and ~gone~ in <https://a.example/x?y=1|a link>\n• one\n☑ two',
    );
  });

  it('leaves code as it is, but for the escapes and the language of a fence', () => {
    expect(toMrkdwn('see `a < b **c**`\n```ts\nconst a: Map<string, number> = x && y;\n**no bold**\n```\nend')).toBe(
      'see `a &lt; b **c**`\n```\nconst a: Map&lt;string, number&gt; = x &amp;&amp; y;\n**no bold**\n```\nend',
    );
  });

  it('shows what Markdown escapes as it is', () => {
    expect(toMrkdwn('\\*not bold\\* a\\_b \\<!channel\\> \\`x\\` 1\\. 2').replaceAll('\u2060', '')).toBe('*not bold* a_b &lt;!channel&gt; `x` 1. 2');
    expect(toMrkdwn('\\*not bold\\*')).not.toMatch(/\*not bold\*/);
    expect(literalMrkdwn('*a* <!here> @channel').replaceAll('\u2060', '')).toBe('*a* &lt;!here&gt; @channel');
  });

  it('makes no link of anything but http and mail', () => {
    expect(toMrkdwn('[x](javascript:alert(1))')).not.toContain('<javascript');
  });

  it('lets no text call a channel or a person, whatever it says', () => {
    const pieces = fc.constantFrom(
      '<!channel>',
      '<!here|x>',
      '<@U00000ANA>',
      '<!subteam^S1>',
      '`',
      '```',
      '\n',
      '**',
      'words ',
      '<',
      '!',
      '&',
      '@channel',
      '[a](https://b.example)',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        expect(toMrkdwn(text)).not.toMatch(/<[!@#]/);
        expect(harmlessMarkdown(text)).not.toMatch(/<!(channel|here|everyone|subteam)|<@U/);
      }),
    );
  });

  it('keeps the code of a stream intact where it only looks like a mention', () => {
    expect(harmlessMarkdown('```html\n<!DOCTYPE html>\n```')).toBe('```html\n<!DOCTYPE html>\n```');
  });

  it('never takes back a part of a stream that it has sent', () => {
    const pieces = fc.constantFrom('<!channel>', '<@U00000ANA>', 'a < b', '@here', '`code`', '\n', 'word', '<', '!ch', 'annel>', '@', 'every', 'one', '```\n');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
        const text = parts.join('');
        for (let end = 0; end < text.length; end += 1) {
          const early = sendableMarkdown(harmlessMarkdown(text.slice(0, end)));
          expect(early).not.toMatch(/<!(channel|here|everyone|subteam)|<@U/);
        }
      }),
    );
  });

  it('reads what people wrote: entities once, people by name, links as written', () => {
    const names = (id: string): string => ({ U1: 'Ana' })[id] ?? id;
    expect(fromSlack('<@U1> sees <https://a.example|the page> &amp;lt; <!here> <#C1|general> <mailto:a@b.example|a@b.example>', names)).toBe(
      '@Ana sees the page (https://a.example) &lt; @here #general a@b.example',
    );
  });
});
