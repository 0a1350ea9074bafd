import { ChannelType, ComponentType, MessageType } from 'discord-api-types/v10';
import { allComponents } from './component-schema.ts';
import { publish } from './echo.ts';
import type { FakeDiscord } from './fake-discord.ts';
import { commandData, type NewInteraction, type OptionInput, openInteraction } from './interaction-payloads.ts';
import { messageJson } from './payloads.ts';
import type { StoredChannel, StoredFile, StoredInteraction, StoredMessage, StoredModal, StoredUser } from './world.ts';

/** What came of one interaction. */
export class Asked {
  readonly interaction: StoredInteraction;
  readonly #fake: FakeDiscord;

  constructor(fake: FakeDiscord, interaction: StoredInteraction) {
    this.#fake = fake;
    this.interaction = interaction;
  }

  /** Resolves when the bot acknowledged in time. */
  async acknowledged(): Promise<StoredInteraction> {
    return this.#fake.until(
      () => this.interaction.acknowledgedAtMs !== undefined && this.interaction,
      `the acknowledgement of ${this.interaction.name ?? this.interaction.type}`,
    );
  }

  /** The message that answers it; it may still change. */
  async message(): Promise<StoredMessage> {
    await this.acknowledged();
    const message = this.#fake.world.messages.get(this.interaction.originalMessageId ?? '');
    if (message === undefined) throw new Error('the interaction was answered without a message');
    return message;
  }

  async modal(): Promise<StoredModal> {
    await this.acknowledged();
    if (this.interaction.modal === undefined) throw new Error('the interaction was answered without a form');
    return this.interaction.modal;
  }
}

/** Somebody with the Discord client open: can do what the client lets people do, and, on purpose, a little more. */
export class FakePerson {
  readonly id: string;
  readonly name: string;
  readonly user: StoredUser;
  readonly #fake: FakeDiscord;

  constructor(fake: FakeDiscord, user: StoredUser) {
    this.#fake = fake;
    this.user = user;
    this.id = user.id;
    this.name = user.name;
  }

  /** Runs a registered slash command. `types` forces option types a real client would not send. */
  slash(channel: StoredChannel, name: string, options: Readonly<Record<string, OptionInput>> = {}, types?: Readonly<Record<string, number>>): Asked {
    const command = this.#command(channel, name, 1);
    const declared = command.type === 1 ? Object.fromEntries((command.options ?? []).map((option) => [option.name, option.type])) : {};
    return this.#open({
      type: 2,
      channel,
      name,
      data: commandData(this.#fake.world, { id: command.id, name, channelId: channel.id }, options, types ?? declared),
    });
  }

  /** Types into an option that completes, and gets what is offered. */
  async completions(
    channel: StoredChannel,
    name: string,
    typed: { readonly option: string; readonly text: string },
  ): Promise<readonly { readonly name: string; readonly value: string | number }[]> {
    const command = this.#command(channel, name, 1);
    const data = { id: command.id, name, type: 1, options: [{ name: typed.option, type: 3, value: typed.text, focused: true }] };
    const { acknowledged, interaction } = this.#bound(this.#open({ type: 4, channel, name, data }));
    await acknowledged();
    return interaction.choices ?? [];
  }

  #bound(asked: Asked): { readonly acknowledged: () => Promise<StoredInteraction>; readonly interaction: StoredInteraction } {
    return { acknowledged: () => asked.acknowledged(), interaction: asked.interaction };
  }

  /** Uses a message's context menu. */
  menu(message: StoredMessage, name: string): Asked {
    const { world } = this.#fake;
    const channel = world.channel(message.channelId);
    const command = this.#command(channel, name, 3);
    const resolved = { messages: { [message.id]: messageJson(world, message, { intents: 1 << 15 }) } };
    return this.#open({ type: 2, channel, name, data: { id: command.id, name, type: 3, target_id: message.id, resolved } });
  }

  /** Presses a button by its label (or emoji and label). Throws when the person can't see such a button. */
  press(message: StoredMessage, label: string): Asked {
    const found = allComponents(message.components).find((component) => component.type === ComponentType.Button && component.label === label);
    if (found?.type !== ComponentType.Button || found.custom_id === undefined || found.disabled === true)
      throw new Error(`no button "${label}" to press; there are: ${buttonsOf(message).join(', ')}`);
    return this.pressId(message, found.custom_id);
  }

  /** Sends a press with any custom id, as a forger would. */
  pressId(message: StoredMessage, customId: string): Asked {
    return this.#open({ type: 3, channel: this.#fake.world.channel(message.channelId), data: { custom_id: customId, component_type: 2, id: 4 }, message });
  }

  /** Fills in a form; fields not named keep their value. */
  async submit(asked: Asked, values: Readonly<Record<string, string>>): Promise<Asked> {
    const modal = await asked.modal();
    const { world } = this.#fake;
    const components = modal.fields.map((field, index) => ({
      type: 18,
      id: 2 * index + 1,
      component: { type: 4, id: 2 * index + 2, custom_id: field.customId, value: values[field.customId] ?? field.value },
    }));
    const source = world.messages.get(asked.interaction.sourceMessageId ?? '');
    return this.#open({
      type: 5,
      channel: world.channel(asked.interaction.channelId),
      data: { custom_id: modal.customId, components },
      ...(source === undefined ? {} : { message: source }),
    });
  }

  /** Writes a message. `@fresco` in the text becomes the bot's mention. */
  says(
    channel: StoredChannel,
    text: string,
    options: { readonly replyTo?: StoredMessage; readonly ping?: boolean; readonly files?: readonly StoredFile[] } = {},
  ): StoredMessage {
    const { world, gateway } = this.#fake;
    const content = text.replaceAll('@fresco', `<@${world.botId}>`);
    const isPinging = options.replyTo?.authorId === world.botId && options.ping !== false;
    const message: StoredMessage = {
      id: world.mint.next(),
      channelId: channel.id,
      authorId: this.id,
      type: options.replyTo === undefined ? MessageType.Default : MessageType.Reply,
      createdAtMs: world.clock.now(),
      content,
      components: [],
      files: options.files ?? [],
      embeds: 0,
      flags: 0,
      editedAtMs: undefined,
      replyTo: options.replyTo?.id,
      mentions: content.includes(`<@${world.botId}>`) || isPinging ? [world.botId] : [],
      pings: [],
      history: [],
      interaction: undefined,
      onlyFor: undefined,
      nonce: undefined,
    };
    world.messages.set(message.id, message);
    world.timeline.add({ kind: 'posted', message: message.id, channel: channel.id, via: 'channel' });
    publish(world, gateway, 'MESSAGE_CREATE', message);
    return message;
  }

  /** A file as if just uploaded. */
  file(filename: string, contentType: string, bytes: Uint8Array): StoredFile {
    const file: StoredFile = { id: this.#fake.world.mint.next(), filename, description: undefined, contentType, bytes, isEphemeral: true };
    this.#fake.world.files.set(file.id, file);
    return file;
  }

  #open(input: Omit<NewInteraction, 'userId'>): Asked {
    const { world, gateway } = this.#fake;
    const { interaction, payload } = openInteraction(world, { ...input, userId: this.id });
    const guild = world.guildOf(input.channel);
    gateway.dispatch({ event: 'INTERACTION_CREATE', guildId: guild?.hasBot === true ? guild.id : undefined, data: () => payload });
    return new Asked(this.#fake, interaction);
  }

  /** The command as this person finds it in this channel's menu. */
  #command(channel: StoredChannel, name: string, type: number) {
    const { world } = this.#fake;
    const guild = world.guildOf(channel);
    const context = guild !== undefined ? 0 : channel.type === ChannelType.DM && channel.hasBot ? 1 : 2;
    const isInstalled = guild?.hasBot === true || context === 1;
    const global = (world.commands.get('global') ?? []).filter(
      (command) => (command.contexts ?? [0]).includes(context) && (command.integration_types ?? [0]).includes(isInstalled ? 0 : 1),
    );
    const found = [...(world.commands.get(channel.guildId ?? '') ?? []), ...global].filter((command) => command.name === name && command.type === type);
    if (found.length > 1) throw new Error(`/${name} is listed twice`);
    const [command] = found;
    if (command === undefined)
      throw new Error(
        `no command ${name} here; there are: ${[...world.commands.values()]
          .flat()
          .map((known) => known.name)
          .join(', ')}`,
      );
    return command;
  }
}

export const buttonsOf = (message: Pick<StoredMessage, 'components'>): string[] =>
  allComponents(message.components).flatMap((component) => (component.type === ComponentType.Button ? [component.label ?? component.emoji?.name ?? ''] : []));
