import type { App } from '@slack/bolt';
import type { z } from 'zod';
import { AfterAcks } from '../after-acks.ts';
import { SlackActions } from './slack-actions.ts';
import type { Rendered } from './slack-blocks.ts';
import { SlackCommands } from './slack-commands.ts';
import { SlackEvents } from './slack-events.ts';
import { slackFailure } from './slack-failure.ts';
import { SlackHome } from './slack-home.ts';
import type { IntakeTools } from './slack-intake.ts';
import { commandBodySchema, eventBodySchema, pressBodySchema, shortcutBodySchema, submissionBodySchema } from './slack-payloads.ts';

type Respond = (message: { response_type: 'ephemeral'; replace_original: false; text: string; blocks: Rendered['blocks'] }) => Promise<unknown>;

/** Connects Bolt's listeners to the entrances. Everything is acknowledged first; what came from another workspace is not for us. */
export class SlackGateway {
  readonly #tools: IntakeTools;
  readonly #events: SlackEvents;
  readonly #commands: SlackCommands;
  readonly #actions: SlackActions;
  readonly #afterAcks = new AfterAcks();

  constructor(tools: IntakeTools, options: { readonly onRevoked: (reason: string) => void }) {
    const home = new SlackHome(tools);
    this.#tools = tools;
    this.#events = new SlackEvents(tools, { home, onRevoked: options.onRevoked });
    this.#commands = new SlackCommands(tools);
    this.#actions = new SlackActions(tools, home);
  }

  listen(app: App): void {
    const anything = /.*/;
    app.event(anything, async ({ body }) =>
      this.#parsed(eventBodySchema, body, (parsed) => this.#fromHere(parsed.team_id) && this.#safely(() => this.#events.handle(parsed.event, parsed.event_id))),
    );
    app.command(anything, async ({ ack, body, respond }) => {
      await ack();
      const whisper = whisperBy(respond);
      // people of connected workspaces use commands in shared channels; who they are is for the access rules
      await this.#parsed(commandBodySchema, body, (parsed) => this.#safely(() => this.#commands.handle(parsed, whisper), whisper));
    });
    app.action(anything, async ({ ack, body, respond }) => {
      await ack();
      const whisper = whisperBy(respond);
      await this.#parsed(
        pressBodySchema,
        body,
        (parsed) => this.#fromHere(parsed.team?.id) && this.#safely(() => this.#actions.press(parsed, whisper), whisper),
      );
    });
    app.shortcut(anything, async ({ ack, body, respond }) => {
      await ack();
      const whisper = whisperBy(respond);
      await this.#parsed(
        shortcutBodySchema,
        body,
        (parsed) => this.#fromHere(parsed.team?.id) && this.#safely(() => this.#actions.shortcut(parsed, whisper), whisper),
      );
    });
    app.view(anything, async ({ ack, body }) => {
      await this.#parsed(
        submissionBodySchema,
        body,
        (parsed) =>
          this.#fromHere(parsed.team?.id) &&
          this.#safely(() => this.#actions.submit(parsed, (view) => (view === undefined ? ack() : ack({ response_action: 'update', view })))),
      );
    });
    app.error(async ({ error }: { error: Error }) => {
      this.#tools.logger.warn({ code: slackFailure(error).code, error }, 'a listener failed');
    });
  }

  /** A body that is not as Slack describes it is dropped with a line in the log. */
  async #parsed<Schema extends z.ZodType>(schema: Schema, body: unknown, then: (parsed: z.infer<Schema>) => unknown): Promise<void> {
    const parsed = schema.safeParse(body);
    if (parsed.success) await then(parsed.data);
    else
      this.#tools.logger.warn(
        { issues: parsed.error.issues.slice(0, 3).map(({ path, code }) => `${path.join('.')}: ${code}`) },
        'Slack sent something unexpected',
      );
  }

  #fromHere(team: string | undefined): boolean {
    if (team === undefined || team === this.#tools.team) return true;
    this.#tools.logger.warn({ team }, 'an event of another workspace was refused');
    return false;
  }

  async #safely(work: () => Promise<void>, whisper?: (rendered: Rendered) => Promise<void>): Promise<void> {
    try {
      await this.#afterAcks.turn();
      await work();
    } catch (error) {
      await this.#tools.reception.apologise(error, whisper ?? (async () => {}));
    }
  }
}

/** The address that came with a click or command: good for five notes in half an hour, members or not. */
function whisperBy(respond: Respond | undefined): (rendered: Rendered) => Promise<void> {
  return async ({ text, blocks }) => {
    await respond?.({ response_type: 'ephemeral', replace_original: false, text, blocks });
  };
}
