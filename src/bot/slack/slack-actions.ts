import { randomUUID } from 'node:crypto';
import type { MenuName } from '../../commands/contract.ts';
import { filesByBlob, formField, headerOf, noticeView, pressPrefix, type Rendered } from './slack-blocks.ts';
import { linesFrom, readableText } from './slack-events.ts';
import type { SlackHome } from './slack-home.ts';
import { attachmentsOf, formOpener, type IntakeTools, receive } from './slack-intake.ts';
import { type FormMetadata, formMetadataSchema, type PressBody, type ShortcutBody, type SubmissionBody } from './slack-payloads.ts';
import { formButton } from './slack-reception.ts';
import { isDirect, spotOf } from './slack-rooms.ts';
import { paintShortcut } from './slack-shortcuts.ts';

type Whisper = (rendered: Rendered) => Promise<void>;

const menus: readonly MenuName[] = ['vary-picture', 'show-parameters', 'ask-about', 'summarize-from'];

/** Buttons, shortcuts and forms. All are acknowledged before this runs; who may press is the desk's to say, each time anew. */
export class SlackActions {
  readonly #tools: IntakeTools;
  readonly #home: SlackHome;

  constructor(tools: IntakeTools, home: SlackHome) {
    this.#tools = tools;
    this.#home = home;
  }

  async press(body: PressBody, whisper: Whisper): Promise<void> {
    const action = body.actions[0];
    if (action === undefined) return;
    const where = body.container?.message_ts ?? body.container?.view_id ?? '';
    if (!this.#tools.seen.isNew(`press:${where}:${action.action_id}:${action.action_ts}:${body.user.id}`)) return;
    if (body.container?.type === 'view') return await this.#home.pressed(action.action_id, { user: body.user.id, trigger: body.trigger_id });
    if (action.action_id === formButton) return await this.#openAskedForm(body, action.value ?? '', whisper);
    if (action.action_id.startsWith(pressPrefix) && action.value !== undefined) await this.#pressMessage(body, action.value, whisper);
  }

  async #pressMessage(body: PressBody, actionId: string, whisper: Whisper): Promise<void> {
    const { people, rooms, clock } = this.#tools;
    const channel = body.channel?.id;
    const ts = body.container?.message_ts ?? body.message?.ts;
    if (channel === undefined || ts === undefined) return;
    const thread = body.message?.thread_ts ?? body.container?.thread_ts;
    const root = thread ?? ts;
    const direct = isDirect(channel);
    const principal = await people.principal(body.user.id, channel, body.user.team_id);
    const blocks = body.message?.blocks ?? [];
    const header = headerOf(blocks);
    await receive(this.#tools, {
      invocation: {
        kind: 'press',
        actionId,
        message: { platform: 'slack', channel, message: ts, ...(thread === undefined ? {} : { thread }) },
        principal,
        place: rooms.threadPlace({ channel, thread: root }),
        receivedAtMs: clock.now(),
      },
      surface: { spot: spotOf(channel, root), direct },
      pressed: {
        spot: spotOf(channel, thread),
        direct,
        existing: { id: { channel, ts }, filesByBlob: filesByBlob(blocks) },
        ...(header === undefined ? {} : { header }),
      },
      whisper,
      ...(body.trigger_id === undefined ? {} : { openForm: formOpener(this.#tools, body.trigger_id, { channel, thread: root, direct }) }),
    });
  }

  async #openAskedForm(body: PressBody, command: string, whisper: Whisper): Promise<void> {
    const channel = body.channel?.id ?? body.user.id;
    await this.#command(command, {
      user: body.user.id,
      team: body.user.team_id,
      channel,
      thread: body.message?.thread_ts ?? body.container?.thread_ts,
      trigger: body.trigger_id,
      whisper,
    });
  }

  /** Runs a command without any words: the desk asks for them by a form. */
  async #command(
    command: string,
    {
      user,
      team,
      channel,
      thread,
      trigger,
      whisper,
    }: { user: string; team: string | undefined; channel: string; thread?: string | undefined; trigger: string | undefined; whisper: Whisper },
  ): Promise<void> {
    const { people, rooms, clock } = this.#tools;
    const direct = isDirect(channel);
    const principal = await people.principal(user, channel, team);
    const place = thread === undefined ? rooms.freshPlace(channel, randomUUID()) : rooms.threadPlace({ channel, thread });
    await receive(this.#tools, {
      invocation: { kind: 'typed', command, text: '', attachments: [], principal, place, receivedAtMs: clock.now() },
      surface: { spot: spotOf(channel, thread), direct },
      whisper,
      ...(trigger === undefined ? {} : { openForm: formOpener(this.#tools, trigger, { channel, direct, ...(thread === undefined ? {} : { thread }) }) }),
    });
  }

  async shortcut(body: ShortcutBody, whisper: Whisper): Promise<void> {
    if (!this.#tools.seen.isNew(`shortcut:${body.trigger_id ?? body.action_ts}`)) return;
    if (body.callback_id === paintShortcut) {
      await this.#command('imagine', { user: body.user.id, team: body.user.team_id, channel: body.user.id, trigger: body.trigger_id, whisper });
      return;
    }
    const menu = menus.find((name) => name === body.callback_id);
    if (menu !== undefined && body.message !== undefined && body.channel !== undefined) await this.#menu(menu, body, whisper);
  }

  async #menu(menu: MenuName, body: ShortcutBody, whisper: Whisper): Promise<void> {
    const { people, rooms, clock } = this.#tools;
    const { message } = body;
    const channel = body.channel?.id;
    if (message === undefined || channel === undefined) return;
    const root = message.thread_ts ?? message.ts;
    const direct = isDirect(channel);
    const principal = await people.principal(body.user.id, channel, body.user.team_id);
    const shown = (message.blocks ?? []).flatMap(({ slack_file }) =>
      slack_file?.id === undefined ? [] : [{ id: slack_file.id, name: 'picture.png', mimetype: 'image/png' }],
    );
    await receive(this.#tools, {
      invocation: {
        kind: 'menu',
        menu,
        target: {
          message: message.ts,
          text: await readableText(this.#tools, message.text ?? ''),
          speaker: message.user === undefined ? 'somebody' : await people.nameOf(message.user),
          attachments: attachmentsOf(this.#tools, [...(message.files ?? []), ...shown]),
        },
        lines: () => linesFrom(this.#tools, { channel, ts: message.ts, thread: message.thread_ts }),
        principal,
        place: rooms.threadPlace({ channel, thread: root }),
        receivedAtMs: clock.now(),
      },
      surface: { spot: spotOf(channel, root), direct },
      whisper,
      ...(body.trigger_id === undefined ? {} : { openForm: formOpener(this.#tools, body.trigger_id, { channel, thread: root, direct }) }),
    });
  }

  /**
   * A form that was sent. `answer` says what the modal does: nothing closes it, a view takes its place.
   * The desk decides from memory, so the answer is in time.
   */
  async submit(body: SubmissionBody, answer: (view?: ReturnType<typeof noticeView>) => Promise<void>): Promise<void> {
    const metadata = parseMetadata(body.view.private_metadata);
    if (metadata === undefined || !this.#tools.seen.isNew(`form:${body.view.id}:${JSON.stringify(body.view.state.values)}`)) return await answer();
    const { people, rooms, clock, desk, reception } = this.#tools;
    const { channel, thread, direct } = metadata;
    const principal = await people.principal(body.user.id, channel, body.user.team_id);
    const place = thread === undefined ? rooms.freshPlace(channel, randomUUID()) : rooms.threadPlace({ channel, thread });
    const values = Object.fromEntries(Object.entries(body.view.state.values).map(([name, fields]) => [name, fields[formField]?.value ?? '']));
    const invocation = { kind: 'form' as const, formId: metadata.form, values, principal, place, receivedAtMs: clock.now() };
    const received = desk.receive(invocation);
    if (received.kind === 'answer' && received.audience === 'sender') return await answer(noticeView('Fresco', received.message.text));
    await answer();
    await reception.deliver(received, {
      invocation,
      surface: { spot: spotOf(channel, thread), direct },
      // a form has no address of its own; where the app is no member, the direct message is left
      whisper: async (rendered) => {
        const { client } = this.#tools;
        const spoken = direct
          ? undefined
          : await client.whisper(spotOf(channel, thread), body.user.id, rendered).then(
              () => true,
              () => undefined,
            );
        if (spoken === undefined) await client.post({ channel: body.user.id }, () => rendered, { urgency: { priority: 'first' }, mark: { role: 'text' } });
      },
      onPosted: (posted, message) => {
        if (thread === undefined) rooms.nameThread(posted, message, place.conversation);
      },
    });
  }
}

function parseMetadata(text: string): FormMetadata | undefined {
  try {
    return formMetadataSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
