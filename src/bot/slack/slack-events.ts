import type { Invocation, SpokenLine } from '../../commands/contract.ts';
import type { SlackHome } from './slack-home.ts';
import { attachmentsOf, type IntakeTools, receive, typedCommand, whisperIn } from './slack-intake.ts';
import { fromSlack } from './slack-mrkdwn.ts';
import { assistantThreadSchema, homeOpenedSchema, type MessageEvent, messageEventSchema, revokedSchema, sessionStoppedSchema } from './slack-payloads.ts';
import { isDirect, spotOf } from './slack-rooms.ts';

/** Subtypes that are still somebody speaking. */
const spokenSubtypes = new Set([undefined, 'file_share', 'thread_broadcast', 'me_message']);

/** Messages, mentions, threads, the Home tab and the assistant pane. Bolt has acknowledged before any of this runs. */
export class SlackEvents {
  readonly #tools: IntakeTools;
  readonly #home: SlackHome;
  readonly #onRevoked: (reason: string) => void;

  constructor(tools: IntakeTools, options: { readonly home: SlackHome; readonly onRevoked: (reason: string) => void }) {
    this.#tools = tools;
    this.#home = options.home;
    this.#onRevoked = options.onRevoked;
  }

  /** One event; repeats of it are dropped. */
  async handle(event: { readonly type: string }, eventId: string | undefined): Promise<void> {
    if (eventId !== undefined && !this.#tools.seen.isNew(`event:${eventId}`)) return;
    switch (event.type) {
      case 'app_mention':
      case 'message':
        return await this.#message(messageEventSchema.parse(event));
      case 'app_home_opened':
        return await this.#opened(homeOpenedSchema.parse(event));
      case 'assistant_thread_started': {
        const { assistant_thread: thread } = assistantThreadSchema.parse(event);
        await this.#tools.assistant.suggest(thread.channel_id, thread.thread_ts);
        return;
      }
      case 'agent_session_stopped':
        return await this.#stopped(sessionStoppedSchema.parse(event));
      case 'tokens_revoked':
        if ((revokedSchema.parse(event).tokens?.bot ?? []).length > 0) this.#onRevoked('token_revoked');
        return;
      case 'app_uninstalled':
        return this.#onRevoked('app_uninstalled');
      default:
        return;
    }
  }

  async #message(event: MessageEvent): Promise<void> {
    if (event.subtype === 'message_deleted' && event.deleted_ts !== undefined) {
      this.#tools.book.find({ channel: event.channel, ts: event.deleted_ts })?.lose('message_deleted');
      return;
    }
    const { user } = event;
    if (user === undefined || !this.#isSpoken(event) || !this.#isForUs(event)) return;
    // a mention in a channel arrives twice, as app_mention and as message, under two event ids
    if (!this.#tools.seen.isNew(`message:${event.channel}:${event.ts}`)) return;
    await this.#answer(event, user);
  }

  #isSpoken(event: MessageEvent): boolean {
    const isOurs = event.user === this.#tools.botUser || event.bot_id !== undefined; // other bots too: two bots must not talk for ever
    return !isOurs && event.hidden !== true && event.edited === undefined && spokenSubtypes.has(event.subtype);
  }

  #isForUs(event: MessageEvent): boolean {
    const { desk, settings, rooms, botUser } = this.#tools;
    const mentions = (event.text ?? '').includes(`<@${botUser}>`);
    if (event.type === 'app_mention' || isDirect(event.channel) || event.channel_type === 'im') return true;
    if (mentions) return event.channel_type === 'mpim'; // elsewhere app_mention says the same
    if (event.thread_ts === undefined || !settings.chat.answerInThreads) return false;
    return desk.ownsThread(rooms.threadPlace({ channel: event.channel, thread: event.thread_ts }));
  }

  async #answer(event: MessageEvent, user: string): Promise<void> {
    const { people, rooms, settings, assistant } = this.#tools;
    const direct = isDirect(event.channel) || event.channel_type === 'im';
    const root = event.thread_ts ?? event.ts;
    const answersInThread = direct || event.thread_ts !== undefined || settings.chat.startThreads;
    const principal = await people.principal(user, event.channel, event.user_team ?? event.team);
    const text = await this.#textOf(event);
    const spot = spotOf(event.channel, answersInThread ? root : undefined);
    const asked = { principal, place: { ...rooms.threadPlace({ channel: event.channel, thread: root }), direct }, receivedAtMs: this.#tools.clock.now() };
    const invocation = this.#invocationOf(event, text, asked);
    if (direct && event.thread_ts === undefined) void assistant.setTitle(event.channel, root, text);
    await receive(this.#tools, {
      invocation,
      surface: { spot, direct, answers: event.ts, recipient: { user, team: principal.workspace } },
      whisper: whisperIn(this.#tools, spot, { user, direct }),
      ...(invocation.kind === 'typed' ? { formCommand: invocation.command } : {}),
    });
  }

  #invocationOf(
    event: MessageEvent,
    text: string,
    asked: Pick<Invocation, 'principal' | 'place' | 'receivedAtMs'>,
  ): Extract<Invocation, { kind: 'typed' | 'chat' }> {
    const attachments = attachmentsOf(this.#tools, event.files);
    const typed = typedCommand(text, this.#tools.specs);
    return typed === undefined ? { kind: 'chat', ...asked, text, message: event.ts, attachments } : { kind: 'typed', ...asked, ...typed, attachments };
  }

  async #textOf(event: MessageEvent): Promise<string> {
    return readableText(this.#tools, (event.text ?? '').replaceAll(`<@${this.#tools.botUser}>`, ' '));
  }

  async #opened(event: { readonly user: string; readonly channel?: string | undefined; readonly tab: string }): Promise<void> {
    if (event.tab === 'home') return await this.#home.publish(event.user);
    if (event.tab === 'messages' && event.channel !== undefined) await this.#tools.assistant.suggest(event.channel);
  }

  /** Stop under a streaming answer is the same as its stop button, pressed by the same person. */
  async #stopped(event: {
    channel: string;
    user: string;
    thread_ts?: string | undefined;
    streaming_message_ts?: string | readonly string[] | undefined;
  }): Promise<void> {
    const { book, people, rooms, desk, clock } = this.#tools;
    const stopped = [event.streaming_message_ts ?? []].flat();
    for (const ts of stopped) {
      const actionId = book.find({ channel: event.channel, ts })?.stopAction;
      if (actionId === undefined) continue;
      const principal = await people.principal(event.user, event.channel);
      const place = rooms.threadPlace({ channel: event.channel, thread: event.thread_ts ?? ts });
      desk.receive({
        kind: 'press',
        actionId,
        message: { platform: 'slack', channel: event.channel, message: ts },
        principal,
        place,
        receivedAtMs: clock.now(),
      });
    }
  }
}

/** Slack's text as a person reads it, people by name. */
export async function readableText({ people }: Pick<IntakeTools, 'people'>, text: string): Promise<string> {
  const mentioned = [...text.matchAll(/<@([UW][A-Z0-9]+)>/g)].flatMap(([, id]) => (id === undefined ? [] : [id]));
  return fromSlack(text, await people.names(mentioned)).trim();
}

/** The message and what follows it in its thread, or, where there is no thread, in its channel. */
export async function linesFrom(
  tools: IntakeTools,
  { channel, ts, thread }: { readonly channel: string; readonly ts: string; readonly thread: string | undefined },
): Promise<readonly SpokenLine[]> {
  const { client, people, botUser } = tools;
  const inThread = await client.recent({ channel, thread: thread ?? ts }, { oldest: ts, limit: 200 });
  const lines = inThread.length > 1 || thread !== undefined ? inThread : await client.recent({ channel }, { oldest: ts, limit: 200 });
  const spoken = lines.filter((line) => (line.ts ?? '') >= ts && (line.text ?? '') !== '' && spokenSubtypes.has(line.subtype));
  return await Promise.all(
    spoken.map(async (line) => ({
      speaker: line.user === undefined ? 'somebody' : await people.nameOf(line.user),
      text: await readableText(tools, line.text ?? ''),
      byBot: line.user === botUser,
    })),
  );
}
