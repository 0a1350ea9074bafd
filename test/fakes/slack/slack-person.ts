import { deletedEvent, messageEvent } from './chat-methods.ts';
import type { FakeSlack } from './fake-slack.ts';
import { fileAsSeen } from './file-methods.ts';
import { checkMessageBlocks } from './slack-block-rules.ts';
import type { Acknowledgement } from './slack-door.ts';
import { type FakeChannel, type FakeFile, type FakeMessage, filesInBlocks, slackIds } from './slack-state.ts';

export interface Said {
  readonly thread?: string;
  readonly files?: readonly FakeFile[];
}

/** Somebody in the workspace: what they do reaches the app as Slack would send it. */
export class SlackPerson {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly #slack: FakeSlack;

  constructor(slack: FakeSlack, options: { readonly id: string; readonly name: string; readonly team?: string; readonly isGuest?: boolean }) {
    this.#slack = slack;
    this.id = options.id;
    this.name = options.name;
    this.team = options.team ?? slackIds.team;
    slack.state.users.set(this.id, { id: this.id, name: options.name, team: this.team, isGuest: options.isGuest ?? false });
  }

  get direct(): FakeChannel {
    return this.#slack.state.directChannel(this.id);
  }

  /** A file of theirs, as if just dropped into the message box. */
  file(name: string, bytes: Uint8Array): FakeFile {
    const { state } = this.#slack;
    const file: FakeFile = {
      id: state.nextId('F'),
      name,
      owner: this.id,
      declaredLength: bytes.length,
      altText: '',
      bytes: Buffer.from(bytes),
      completedAtMs: 0,
      deleted: false,
      shares: new Set(),
    };
    state.files.set(file.id, file);
    return file;
  }

  /** Writes a message; a mention in it also fires `app_mention`, as on the real Slack. */
  say(channel: FakeChannel, text: string, { thread, files = [] }: Said = {}): FakeMessage {
    const { state } = this.#slack;
    for (const file of files) file.shares.add(channel.id);
    const message = state.add({ channel: channel.id, user: this.id, byBot: false, text, threadTs: thread, files: files.map(({ id }) => id) });
    if (channel.archived || !channel.members.has(slackIds.bot)) return message;
    const seen = files.map((file) => ({ ...fileAsSeen(file, state, this.#slack), mode: 'hosted' }));
    const event: Readonly<Record<string, unknown>> = {
      ...messageEvent(message, channel),
      team: this.team,
      client_msg_id: message.ts,
      ...(files.length > 0 ? { files: seen, subtype: 'file_share' } : {}),
      ...(this.team === slackIds.team ? {} : { user_team: this.team, source_team: this.team }),
    };
    if (text.includes(`<@${slackIds.bot}>`) && channel.kind !== 'im') {
      const mention = Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'subtype' && key !== 'channel_type'));
      this.#slack.emit({ ...mention, type: 'app_mention' }, { is_ext_shared_channel: channel.extShared });
    }
    this.#slack.emit(event, { is_ext_shared_channel: channel.extShared });
    return message;
  }

  delete(message: FakeMessage): void {
    message.deleted = true;
    this.#slack.emit(deletedEvent(message));
  }

  /** Runs a slash command; what the acknowledgement shows is stored as a message. */
  async command(channel: FakeChannel, command: string, text = ''): Promise<Acknowledgement> {
    if (!this.#slack.manifest.features.slash_commands.some((known) => known.command === command)) throw new Error(`${command} is no command of the app`);
    const hook = this.#slack.hooks.issue({ channel: channel.id, user: this.id });
    const acknowledgement = await this.#slack.deliver({
      type: 'slash_commands',
      payload: {
        token: 'x',
        team_id: this.team,
        team_domain: 'acme',
        channel_id: channel.id,
        channel_name: channel.name,
        user_id: this.id,
        user_name: this.name.toLowerCase(),
        command,
        text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
        api_app_id: slackIds.app,
        is_enterprise_install: 'false',
        response_url: `${this.#slack.baseUrl}/hooks/${hook}`,
        trigger_id: this.#slack.triggers.issue(this.id),
      },
    });
    this.#showAcknowledged(channel, acknowledgement);
    return acknowledgement;
  }

  #showAcknowledged(channel: FakeChannel, acknowledgement: Acknowledgement): void {
    const payload = acknowledgement?.payload ?? {};
    const blocks = payload['blocks'] === undefined ? [] : checkMessageBlocks(payload['blocks']);
    const text = String(payload['text'] ?? '');
    if (text === '' && blocks.length === 0) return;
    const ephemeralTo = payload['response_type'] === 'in_channel' ? undefined : this.id;
    this.#slack.state.add({ channel: channel.id, user: slackIds.bot, byBot: true, text, blocks, ephemeralTo });
  }

  /** Presses the button with this label. */
  async press(message: FakeMessage, label: string): Promise<Acknowledgement> {
    const found = buttonsOf(message).find((candidate) => candidate.label.includes(label));
    if (found === undefined) throw new Error(`no button "${label}" on ${JSON.stringify(buttonsOf(message).map((known) => known.label))}`);
    return this.sendAction(message, found.button);
  }

  /** Sends a press as it is given, right or forged. */
  async sendAction(message: FakeMessage, button: Readonly<Record<string, unknown>>): Promise<Acknowledgement> {
    const channel = this.#slack.state.channels.get(message.channel);
    const hook = this.#slack.hooks.issue({ channel: message.channel, user: this.id, original: message });
    return this.#slack.deliver({
      type: 'interactive',
      payload: {
        ...this.#pressed(hook),
        type: 'block_actions',
        container: { type: 'message', message_ts: message.ts, channel_id: message.channel, is_ephemeral: message.ephemeralTo !== undefined },
        channel: { id: message.channel, name: channel?.name ?? '' },
        message: { ...messageEvent(message, channel ?? this.direct), blocks: message.blocks },
        state: { values: {} },
        actions: [{ ...button, action_ts: this.#slack.state.nextTs() }],
      },
    });
  }

  /** Presses a button of the Home tab. */
  async pressHome(label: string): Promise<Acknowledgement> {
    const home = this.#slack.state.homes.get(this.id);
    const found = buttonsIn(home?.['blocks']).find((candidate) => candidate.label.includes(label));
    if (home === undefined || found === undefined) throw new Error(`no button "${label}" in the Home tab`);
    return this.#slack.deliver({
      type: 'interactive',
      payload: {
        ...this.#pressed(undefined),
        type: 'block_actions',
        container: { type: 'view', view_id: `V${this.id}` },
        view: { id: `V${this.id}`, ...home },
        actions: [{ ...found.button, action_ts: this.#slack.state.nextTs() }],
      },
    });
  }

  async shortcut(callbackId: string, message?: FakeMessage): Promise<Acknowledgement> {
    if (!this.#slack.manifest.features.shortcuts.some((known) => known.callback_id === callbackId)) throw new Error(`${callbackId} is no shortcut of the app`);
    if (message === undefined) {
      return this.#slack.deliver({ type: 'interactive', payload: { ...this.#pressed(undefined), type: 'shortcut', callback_id: callbackId, action_ts: '1' } });
    }
    const channel = this.#slack.state.channels.get(message.channel);
    const hook = this.#slack.hooks.issue({ channel: message.channel, user: this.id });
    const files = message.files.flatMap((id) => [this.#slack.state.files.get(id)]).filter((file) => file !== undefined);
    return this.#slack.deliver({
      type: 'interactive',
      payload: {
        ...this.#pressed(hook),
        type: 'message_action',
        callback_id: callbackId,
        message_ts: message.ts,
        channel: { id: message.channel, name: channel?.name ?? '' },
        message: {
          ...messageEvent(message, channel ?? this.direct),
          blocks: message.blocks,
          ...(files.length > 0 ? { files: files.map((file) => fileAsSeen(file, this.#slack.state, this.#slack)) } : {}),
        },
      },
    });
  }

  /** Fills in the open modal and sends it; the answer of the app is applied to it. */
  async submit(values: Readonly<Record<string, string>>): Promise<Acknowledgement> {
    const open = [...this.#slack.state.views.values()].filter(({ user, open: isOpen }) => user === this.id && isOpen).at(-1);
    if (open === undefined) throw new Error(`${this.name} has no form open`);
    const blocks = Array.isArray(open.view['blocks']) ? open.view['blocks'] : [];
    const filled = blocks.flatMap((block: unknown) => {
      const id = String(Reflect.get(Object(block), 'block_id'));
      const element: unknown = Reflect.get(Object(block), 'element');
      if (element === undefined) return [];
      const value = values[id] ?? Reflect.get(Object(element), 'initial_value') ?? null;
      return [[id, { [String(Reflect.get(Object(element), 'action_id'))]: { type: 'plain_text_input', value } }] as const];
    });
    const acknowledgement = await this.#slack.deliver({
      type: 'interactive',
      payload: {
        ...this.#pressed(undefined),
        type: 'view_submission',
        view: { ...open.view, id: open.id, hash: '1', state: { values: Object.fromEntries(filled) } },
      },
    });
    const action = acknowledgement?.payload['response_action'];
    if (acknowledgement !== undefined && action === undefined) open.open = false;
    if (action === 'update') open.view = { ...Object(acknowledgement?.payload['view']) };
    return acknowledgement;
  }

  openApp(tab: 'home' | 'messages'): void {
    this.#slack.emit({ type: 'app_home_opened', user: this.id, channel: this.direct.id, tab, event_ts: this.#slack.state.nextTs() });
  }

  /** Presses Stop under a streaming answer. */
  stopStream(message: FakeMessage): void {
    if (message.stream !== undefined) Object.assign(message.stream, { stoppedByUser: true, open: false });
    this.#slack.emit({
      type: 'agent_session_stopped',
      channel: message.channel,
      user: this.id,
      thread_ts: message.threadTs,
      streaming_message_ts: [message.ts],
    });
  }

  /** True when every picture of the message is really visible to a member of its channel. */
  seesPictures(message: FakeMessage): boolean {
    const ids = filesInBlocks(message.blocks);
    return (
      ids.length > 0 &&
      ids.every((id) => this.#slack.state.files.get(id)?.deleted === false && this.#slack.state.files.get(id)?.shares.has(message.channel) === true)
    );
  }

  #pressed(hook: string | undefined): Readonly<Record<string, unknown>> {
    return {
      token: 'x',
      api_app_id: slackIds.app,
      team: { id: slackIds.team, domain: 'acme' },
      user: { id: this.id, username: this.name.toLowerCase(), name: this.name.toLowerCase(), team_id: this.team },
      trigger_id: this.#slack.triggers.issue(this.id),
      ...(hook === undefined ? {} : { response_url: `${this.#slack.baseUrl}/hooks/${hook}` }),
    };
  }
}

interface FoundButton {
  readonly label: string;
  readonly button: Readonly<Record<string, unknown>>;
}

function buttonsIn(value: unknown): FoundButton[] {
  if (Array.isArray(value)) return value.flatMap(buttonsIn);
  if (typeof value !== 'object' || value === null) return [];
  if (Reflect.get(value, 'type') === 'button') {
    const { style: _, ...button } = { style: undefined, ...value };
    return [{ label: String(Reflect.get(Object(Reflect.get(value, 'text')), 'text')), button }];
  }
  return Object.values(value).flatMap(buttonsIn);
}

/** The buttons that a message shows. */
export function buttonsOf(message: FakeMessage): readonly FoundButton[] {
  return buttonsIn(message.blocks);
}
