import {
  type APIInteractionResponse,
  type AutocompleteInteraction,
  type ButtonInteraction,
  type ChatInputCommandInteraction,
  type Interaction,
  InteractionResponseType,
  type MessageContextMenuCommandInteraction,
  MessageFlags,
  type ModalSubmitInteraction,
  type StringSelectMenuInteraction,
} from 'discord.js';
import type { Clock } from '../../clock.ts';
import type { Desk, Invocation, Message, MessageRef, OptionValue, Reception, Surface } from '../../commands/contract.ts';
import { userMessages } from '../../commands/user-messages.ts';
import type { Logger } from '../../logger.ts';
import { type DiscordApi, newNonce } from './discord-api.ts';
import type { DiscordAttachments } from './discord-attachments.ts';
import { failureOf, platformFailed, withoutBody } from './discord-failure.ts';
import { modalOf, valuesOf } from './discord-forms.ts';
import { type DiscordIdentity, hasChannelAccess, placeOfInteraction, principalOfInteraction } from './discord-places.ts';
import type { PostHome } from './discord-post.ts';
import { attachmentsOf, readText, textOf } from './discord-read.ts';
import { menuNamed } from './discord-registration.ts';
import { clipped, renderLayout, renderText, wantsLayout } from './discord-render.ts';
import { Rush } from './discord-rush.ts';
import type { SeenIds } from './discord-seen-ids.ts';
import type { SurfaceMaker } from './discord-surface-maker.ts';

type Answerable = ChatInputCommandInteraction | MessageContextMenuCommandInteraction | ButtonInteraction | StringSelectMenuInteraction | ModalSubmitInteraction;

export interface DiscordInteractionsOptions {
  readonly api: DiscordApi;
  readonly surfaces: SurfaceMaker;
  readonly attachments: DiscordAttachments;
  readonly identity: DiscordIdentity;
  readonly clock: Clock;
  /** For the moment of quiet after a rush. */
  readonly rushClock: Clock;
  readonly logger: Logger;
  readonly seen: SeenIds;
  /** Undefined when nothing new is taken. */
  readonly desk: () => Desk | undefined;
}

const tokenLifeMs = 15 * 60_000;
/** Discord invalidates an interaction that nobody answered for three seconds; later than this it is a replay, about which nobody needs a word. */
const replayAgeMs = 60_000;
const limits = { choices: 25, choice: 100 } as const;

/** Slash commands, buttons, selects, forms and menus: acknowledged from memory at once, worked on afterwards. */
export class DiscordInteractions {
  readonly #options: DiscordInteractionsOptions;
  readonly #rush: Rush;

  constructor(options: DiscordInteractionsOptions) {
    this.#options = options;
    this.#rush = new Rush(options);
  }

  /** Never throws. */
  async handle(interaction: Interaction): Promise<void> {
    const { seen, logger } = this.#options;
    if (!seen.isNew(interaction.id)) return;
    try {
      if (interaction.isAutocomplete()) return await this.#complete(interaction);
      const isOurs =
        interaction.isChatInputCommand() ||
        interaction.isMessageContextMenuCommand() ||
        interaction.isButton() ||
        interaction.isStringSelectMenu() ||
        interaction.isModalSubmit();
      if (isOurs) await this.#rush.during(this.#answer(interaction));
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'late') return this.#tellLate(interaction);
      logger.warn({ interaction: interaction.id, reason: failure.reason, cause: withoutBody(error) }, 'an interaction could not be answered');
    }
  }

  async #answer(interaction: Answerable): Promise<void> {
    const invocation = this.#invocationOf(interaction);
    if (invocation === undefined) return;
    const reception = this.#receive(invocation);
    switch (reception.kind) {
      case 'answer':
        return this.#show(interaction, reception);
      case 'work':
        return this.#work(interaction, reception);
      case 'form':
        if (interaction.isModalSubmit()) return;
        await this.#acknowledge(interaction, { type: InteractionResponseType.Modal, data: modalOf(reception.form) });
        return;
      case 'silent':
        await this.#acknowledge(interaction, hasMessage(interaction) ? { type: InteractionResponseType.DeferredMessageUpdate } : quietly);
        return;
      case 'ignored':
        return;
      default:
        return reception satisfies never;
    }
  }

  #receive(invocation: Invocation): Reception {
    try {
      return this.#options.desk()?.receive(invocation) ?? restarting;
    } catch (cause) {
      const reference = invocation.place.conversation.slice(-6);
      this.#options.logger.error({ cause, reference }, 'the desk failed at a request');
      return { kind: 'answer', audience: 'sender', message: notice(userMessages.internal({ reference })) };
    }
  }

  async #show(interaction: Answerable, { message, audience }: Extract<Reception, { kind: 'answer' }>): Promise<void> {
    const isPrivate = audience === 'sender';
    if (message.pictures.length > 0) {
      const surface = await this.#deferred(interaction, isPrivate);
      return surface.finish(message);
    }
    const pieces = wantsLayout(message) ? [renderLayout(message, [])] : renderText(message);
    const [first, ...rest] = pieces;
    if (first === undefined) return;
    const flags = (first.flags ?? 0) | (isPrivate ? MessageFlags.Ephemeral : 0);
    await this.#acknowledge(interaction, { type: InteractionResponseType.ChannelMessageWithSource, data: { ...first, flags } });
    for (const piece of rest) {
      const body = { ...piece, ...(isPrivate ? { flags: MessageFlags.Ephemeral } : {}) };
      await this.#options.api.followUp(interaction.token, async () => ({ body }), { urgency: 'needed' });
    }
  }

  async #work(interaction: Answerable, reception: Extract<Reception, { kind: 'work' }>): Promise<void> {
    const surface = reception.on === 'pressed' && hasMessage(interaction) ? await this.#onPressed(interaction) : await this.#opened(interaction, reception);
    this.#run(interaction, reception, surface);
  }

  #run(interaction: Answerable, reception: Extract<Reception, { kind: 'work' }>, surface: Surface): void {
    const work = this.#rush.turn().then(() => reception.run(surface));
    work.catch((error: unknown) => {
      this.#options.logger.error({ interaction: interaction.id, cause: withoutBody(error) }, 'a request ended without its last word');
    });
  }

  /** The surface of the message whose button was pressed. */
  async #onPressed(interaction: Exclude<Answerable, ChatInputCommandInteraction | MessageContextMenuCommandInteraction>): Promise<Surface> {
    const { message } = interaction;
    await this.#acknowledge(interaction, { type: InteractionResponseType.DeferredMessageUpdate });
    const home = { ...this.#home(interaction, message?.id), isEphemeral: message?.flags.has(MessageFlags.Ephemeral) === true };
    return this.#options.surfaces.make(home, {
      form: message?.flags.has(MessageFlags.IsComponentsV2) === true ? 'layout' : 'text',
      maxFileBytes: interaction.attachmentSizeLimit,
    });
  }

  /** A new message that already says something, or Discord's own "thinking". */
  async #opened(interaction: Answerable, { opening, audience }: Extract<Reception, { kind: 'work' }>): Promise<Surface> {
    const isPrivate = audience === 'sender';
    const isBare = opening.text.trim() === '' && opening.status === undefined && opening.actions.length === 0;
    if (isBare || opening.pictures.length > 0) return this.#deferred(interaction, isPrivate);
    const isLayout = wantsLayout(opening);
    const piece = isLayout ? renderLayout(opening, []) : renderText(opening)[0];
    const flags = (piece?.flags ?? 0) | (isPrivate ? MessageFlags.Ephemeral : 0);
    const id = await this.#acknowledge(interaction, { type: InteractionResponseType.ChannelMessageWithSource, data: { ...piece, flags } });
    return this.#surface(interaction, id, { isPrivate, form: isLayout ? 'layout' : 'text' });
  }

  async #deferred(interaction: Answerable, isPrivate: boolean): Promise<Surface> {
    const id = await this.#acknowledge(interaction, {
      type: InteractionResponseType.DeferredChannelMessageWithSource,
      data: isPrivate ? { flags: MessageFlags.Ephemeral } : {},
    });
    // nothing is shown yet, so the first edit still chooses between text and layout
    return this.#surface(interaction, id, { isPrivate, form: 'none' });
  }

  async #surface(
    interaction: Answerable,
    id: string | undefined,
    how: { readonly isPrivate: boolean; readonly form: 'none' | 'text' | 'layout' },
  ): Promise<Surface> {
    const { api, surfaces } = this.#options;
    const message = id ?? (await api.find({ token: interaction.token, message: '@original' })).id;
    return surfaces.make(
      { ...this.#home(interaction, message), isEphemeral: how.isPrivate },
      { form: how.form, maxFileBytes: interaction.attachmentSizeLimit },
    );
  }

  #home(interaction: Answerable, message: string | undefined): PostHome {
    return {
      channel: interaction.channelId ?? '',
      message,
      token: { value: interaction.token, expiresAtMs: this.#options.clock.now() + tokenLifeMs },
      hasChannelAccess: hasChannelAccess(interaction),
      isEphemeral: false,
    };
  }

  /** Answered already (by a request whose answer was lost): goes on as if this one had done it. */
  async #acknowledge(interaction: Answerable | AutocompleteInteraction, answer: APIInteractionResponse): Promise<string | undefined> {
    try {
      return await this.#options.api.acknowledge(interaction, answer);
    } catch (error) {
      if (failureOf(error).kind !== 'already-acknowledged') throw error;
      return undefined;
    }
  }

  async #complete(interaction: AutocompleteInteraction): Promise<void> {
    const focused = interaction.options.getFocused(true);
    const principal = principalOfInteraction(interaction, this.#options.identity);
    const found = this.#options.desk()?.complete({ principal, command: interaction.commandName, option: focused.name, typed: focused.value }) ?? [];
    const choices = found
      .filter(({ value }) => value !== '' && value.length <= limits.choice) // a longer value would come back cut
      .slice(0, limits.choices)
      .map(({ name, value }) => ({ name: clipped(name === '' ? value : name, limits.choice), value }));
    await this.#acknowledge(interaction, { type: InteractionResponseType.ApplicationCommandAutocompleteResult, data: { choices } });
  }

  #invocationOf(interaction: Answerable): Invocation | undefined {
    const asked = {
      principal: principalOfInteraction(interaction, this.#options.identity),
      place: placeOfInteraction(interaction),
      receivedAtMs: this.#options.clock.now(),
    };
    if (interaction.isChatInputCommand()) return { ...asked, kind: 'command', command: interaction.commandName, options: this.#optionsOf(interaction) };
    if (interaction.isMessageContextMenuCommand()) return this.#menuOf(interaction, asked);
    if (interaction.isModalSubmit()) return { ...asked, kind: 'form', formId: interaction.customId, values: valuesOf(interaction) };
    const message = this.#options.surfaces.open.firstPieceOf(interaction.message.id);
    const ref: MessageRef = { platform: 'discord', channel: interaction.channelId, message };
    return {
      ...asked,
      kind: 'press',
      actionId: interaction.customId,
      message: ref,
      ...(interaction.isStringSelectMenu() ? { values: interaction.values } : {}),
    };
  }

  /** Values as they came; whether they fit is the desk's to check, for a client may send anything. */
  #optionsOf(interaction: ChatInputCommandInteraction): Record<string, OptionValue> {
    const { attachments } = this.#options;
    return Object.fromEntries(
      interaction.options.data.flatMap((option): [string, OptionValue][] => {
        const file = option.attachment;
        if (file !== undefined && file !== null)
          return [[option.name, attachments.open({ name: file.name, url: file.url, sizeBytes: file.size, mediaType: file.contentType ?? undefined })]];
        return option.value === undefined ? [] : [[option.name, option.value]];
      }),
    );
  }

  #menuOf(interaction: MessageContextMenuCommandInteraction, asked: Pick<Invocation, 'principal' | 'place' | 'receivedAtMs'>): Invocation | undefined {
    const menu = menuNamed(interaction.commandName);
    if (menu === undefined) return undefined;
    const { api, attachments, surfaces, identity } = this.#options;
    const { targetMessage } = interaction;
    const text = textOf(targetMessage);
    const speaker = targetMessage.author.displayName;
    return {
      ...asked,
      kind: 'menu',
      menu,
      target: { message: surfaces.open.firstPieceOf(targetMessage.id), text, speaker, attachments: attachmentsOf(targetMessage, attachments) },
      lines: async (signal) => {
        const first = { speaker, text, byBot: targetMessage.author.id === identity.botId };
        try {
          const after = await api.messagesAfter({ channel: interaction.channelId, message: targetMessage.id }, signal);
          const lines = after.map(({ author, content, components }) => ({
            speaker: author.global_name ?? author.username,
            text: readText(content, components),
            byBot: author.id === identity.botId,
          }));
          return [first, ...lines].filter((line) => line.text !== '');
        } catch (error) {
          throw platformFailed('reading the messages of this channel', error);
        }
      },
    };
  }

  /** Discord gave it up before we could answer. What was asked was not done; where we may write, we say so. */
  #tellLate(interaction: Interaction): void {
    const { api, clock, logger } = this.#options;
    const ageMs = clock.now() - interaction.createdTimestamp;
    logger.warn({ interaction: interaction.id, ageMs }, 'an interaction reached me, or I answered it, too late for Discord');
    const mayTell = interaction.isChatInputCommand() && ageMs < replayAgeMs && hasChannelAccess(interaction);
    if (!mayTell) return;
    const body = {
      content: `<@${interaction.user.id}> Your \`/${interaction.commandName}\` reached me too late for Discord to let me answer it. Please send it again.`,
    };
    api
      .post(interaction.channelId, async () => ({ body }), { urgency: 'needed', nonce: newNonce() })
      .catch((error: unknown) => logger.debug({ cause: withoutBody(error) }, 'the word about a late command could not be sent'));
  }
}

const hasMessage = (interaction: Answerable): interaction is Exclude<Answerable, ChatInputCommandInteraction | MessageContextMenuCommandInteraction> =>
  interaction.isButton() || interaction.isStringSelectMenu() || (interaction.isModalSubmit() && interaction.isFromMessage());

const notice = (text: string): Message => ({ kind: 'notice', text, pictures: [], actions: [], final: true });
const restarting: Reception = { kind: 'answer', audience: 'sender', message: notice(userMessages['shutting-down']()) };
const quietly: APIInteractionResponse = { type: InteractionResponseType.ChannelMessageWithSource, data: { content: 'Done.', flags: MessageFlags.Ephemeral } };
