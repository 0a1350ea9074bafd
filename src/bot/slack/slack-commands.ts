import { randomUUID } from 'node:crypto';
import type { Rendered } from './slack-blocks.ts';
import { shortened } from './slack-blocks.ts';
import { formOpener, type IntakeTools, receive } from './slack-intake.ts';
import { fromSlack, literalMrkdwn } from './slack-mrkdwn.ts';
import type { CommandBody } from './slack-payloads.ts';
import { isDirect } from './slack-rooms.ts';

const headerLength = 200;

/** `/fresco COMMAND …`, and the commands that have a name of their own in Slack. */
export class SlackCommands {
  readonly #tools: IntakeTools;

  constructor(tools: IntakeTools) {
    this.#tools = tools;
  }

  /** One command, acknowledged already. `whisper` uses the command's own response address, which works where the app is no member. */
  async handle(body: CommandBody, whisper: (rendered: Rendered) => Promise<void>): Promise<void> {
    const { seen, people, rooms, clock } = this.#tools;
    if (!seen.isNew(`command:${body.trigger_id}`)) return;
    const { command, text } = this.#split(body);
    const principal = await people.principal(body.user_id, body.channel_id, body.team_id);
    const direct = isDirect(body.channel_id);
    const place = rooms.freshPlace(body.channel_id, randomUUID());
    await receive(this.#tools, {
      invocation: { kind: 'typed', command, text, attachments: [], principal, place, receivedAtMs: clock.now() },
      // Slack shows nobody what was typed: the answer says it
      surface: {
        spot: { channel: body.channel_id },
        direct,
        header: `*${literalMrkdwn(principal.name)}*  ${literalMrkdwn(shortened(`/${command} ${text}`.trim(), headerLength))}`,
      },
      whisper,
      openForm: formOpener(this.#tools, body.trigger_id, { channel: body.channel_id, direct }),
      onPosted: (channel, message) => rooms.nameThread(channel, message, place.conversation),
    });
  }

  /** `/fresco imagine a fox` and `/imagine a fox` are the same; `/fresco` alone asks for help. */
  #split({ command, text = '' }: CommandBody): { readonly command: string; readonly text: string } {
    const typed = fromSlack(text, (user) => user).trim();
    const name = command.replace(/^\//, '');
    if (name !== 'fresco') return { command: name, text: typed };
    const [, word = 'help', rest = ''] = /^\/?(\S+)\s*([\s\S]*)$/.exec(typed) ?? [];
    return { command: word.toLowerCase(), text: rest };
  }
}
