import { InteractionResponseType, MessageFlags } from 'discord-api-types/v10';
import { z } from 'zod';
import { publish } from './echo.ts';
import { checkMessageBody, editFlags, interactionFlags } from './message-schema.ts';
import { createMessage, deleteMessage, editMessage } from './message-store.ts';
import { checkModal } from './modal-schema.ts';
import { messageJson } from './payloads.ts';
import { checked, invalidForm, refusals } from './refusal.ts';
import { param, type Route, type RouteAnswer, type RouteCall } from './routes.ts';
import type { StoredInteraction, StoredMessage } from './world.ts';

/** Answers to interactions: the callback within three seconds, then the token's own messages for fifteen minutes. */

const acknowledgeWithinMs = 3000;
const tokenLifeMs = 15 * 60_000;
const everything = { intents: 1 << 15 };

const callbackSchema = z.strictObject({ type: z.int(), data: z.unknown().optional() });
const choicesSchema = z.strictObject({
  choices: z.array(z.strictObject({ name: z.string().min(1).max(100), value: z.union([z.string().max(100), z.number()]) })).max(25),
});
const deferSchema = z.strictObject({ flags: z.int().optional() }).optional();

function answerInteraction(call: RouteCall): RouteAnswer {
  const { world } = call;
  const interaction = world.interactions.get(param(call, 'interaction'));
  if (interaction === undefined || interaction.token !== param(call, 'token')) throw refusals.unknownInteraction();
  if (interaction.acknowledgedAtMs !== undefined) throw refusals.alreadyAcknowledged();
  const afterMs = world.clock.now() - interaction.dispatchedAtMs;
  if (afterMs > acknowledgeWithinMs) throw refusals.unknownInteraction();
  const body = checked(callbackSchema, call.body);
  if (!allowedAnswers(interaction).includes(body.type))
    throw invalidForm([{ path: ['type'], code: 'BASE_TYPE_CHOICES', message: `Callback type ${body.type} does not fit this interaction` }]);
  const message = carryOut(call, interaction, body);
  interaction.acknowledgedAtMs = world.clock.now();
  interaction.answer = body.type;
  world.timeline.add({ kind: 'acknowledged', interaction: interaction.id, afterMs, type: body.type });
  if (call.query.get('with_response') !== 'true') return { status: 204 };
  return { status: 200, json: withResponse(call, interaction, { type: body.type, message }) };
}

function allowedAnswers({ type, sourceMessageId }: StoredInteraction): readonly number[] {
  if (type === 4) return [InteractionResponseType.ApplicationCommandAutocompleteResult];
  const onMessage = sourceMessageId === undefined ? [] : [InteractionResponseType.DeferredMessageUpdate, InteractionResponseType.UpdateMessage];
  return [
    InteractionResponseType.ChannelMessageWithSource,
    InteractionResponseType.DeferredChannelMessageWithSource,
    ...onMessage,
    ...(type === 5 ? [] : [InteractionResponseType.Modal]),
  ];
}

function carryOut(call: RouteCall, interaction: StoredInteraction, body: z.output<typeof callbackSchema>): StoredMessage | undefined {
  const { world, gateway } = call;
  switch (body.type) {
    case InteractionResponseType.ApplicationCommandAutocompleteResult:
      interaction.choices = checked(choicesSchema, body.data, ['data']).choices;
      return undefined;
    case InteractionResponseType.Modal:
      interaction.modal = checkModal(body.data);
      return undefined;
    case InteractionResponseType.DeferredMessageUpdate:
      interaction.originalMessageId = interaction.sourceMessageId;
      return undefined;
    case InteractionResponseType.UpdateMessage: {
      const message = world.message(interaction.channelId, interaction.sourceMessageId);
      const raw = typeof body.data === 'object' && body.data !== null && !('attachments' in body.data) ? { ...body.data, attachments: [] } : body.data;
      editMessage(world, message, {
        body: checkMessageBody(raw, { flags: editFlags, before: message, prefix: ['data'] }),
        files: call.files,
        via: 'token',
        maxFileBytes: interaction.maxFileBytes,
      });
      publish(world, gateway, 'MESSAGE_UPDATE', message);
      interaction.originalMessageId = message.id;
      return message;
    }
    default:
      return reply(call, interaction, body);
  }
}

function reply(call: RouteCall, interaction: StoredInteraction, body: z.output<typeof callbackSchema>): StoredMessage {
  const { world, gateway } = call;
  const isDeferred = body.type === InteractionResponseType.DeferredChannelMessageWithSource;
  // of a deferral only EPHEMERAL counts; the layout flag is silently ignored (discord-api-docs#7910)
  const flags = isDeferred ? (checked(deferSchema, body.data, ['data'])?.flags ?? 0) & MessageFlags.Ephemeral : undefined;
  const checkedBody = isDeferred ? { flags } : checkMessageBody(body.data, { flags: interactionFlags, prefix: ['data'] });
  interaction.ephemeral = ((checkedBody.flags ?? 0) & MessageFlags.Ephemeral) !== 0;
  const message = createMessage(world, {
    channel: world.channel(interaction.channelId),
    authorId: world.botId,
    body: checkedBody,
    files: call.files,
    via: 'token',
    maxFileBytes: interaction.maxFileBytes,
    interaction: { id: interaction.id, userId: interaction.userId, name: interaction.name, token: interaction.token },
    ephemeralFor: interaction.ephemeral ? interaction.userId : undefined,
    isLoading: isDeferred,
  });
  interaction.originalMessageId = message.id;
  publish(world, gateway, 'MESSAGE_CREATE', message);
  return message;
}

function withResponse(
  { world }: RouteCall,
  interaction: StoredInteraction,
  answer: { readonly type: number; readonly message: StoredMessage | undefined },
): object {
  const isMessage = answer.type === InteractionResponseType.ChannelMessageWithSource || answer.type === InteractionResponseType.UpdateMessage;
  return {
    interaction: {
      id: interaction.id,
      type: interaction.type,
      ...(interaction.originalMessageId === undefined ? {} : { response_message_id: interaction.originalMessageId }),
      response_message_loading: answer.type === InteractionResponseType.DeferredChannelMessageWithSource,
      response_message_ephemeral: interaction.ephemeral,
    },
    ...(isMessage && answer.message !== undefined ? { resource: { type: answer.type, message: messageJson(world, answer.message, everything) } } : {}),
  };
}

/** The interaction behind a token. Throws 10015 for an unknown one, 50027 for an expired one. */
function interactionOf(call: RouteCall): StoredInteraction {
  const token = param(call, 'token');
  const found = [...call.world.interactions.values()].find((interaction) => interaction.token === token);
  if (found?.acknowledgedAtMs === undefined || param(call, 'application') !== call.world.applicationId) throw refusals.unknownWebhook();
  if (call.world.clock.now() - found.dispatchedAtMs > tokenLifeMs) throw refusals.invalidWebhookToken();
  return found;
}

function messageOf(call: RouteCall, interaction: StoredInteraction): StoredMessage {
  const id = param(call, 'message');
  const message = call.world.message(interaction.channelId, id === '@original' ? interaction.originalMessageId : id);
  const isOwn = message.id === interaction.originalMessageId || message.interaction?.token === interaction.token;
  if (!isOwn) throw refusals.unknownMessage();
  return message;
}

function editByToken(call: RouteCall, interaction: StoredInteraction, message: StoredMessage): RouteAnswer {
  const { world, gateway } = call;
  const body = checkMessageBody(call.body, { flags: editFlags, before: message });
  editMessage(world, message, { body, files: call.files, via: 'token', maxFileBytes: interaction.maxFileBytes });
  publish(world, gateway, 'MESSAGE_UPDATE', message);
  return { status: 200, json: messageJson(world, message, everything) };
}

function followUp(call: RouteCall): RouteAnswer {
  const { world, gateway } = call;
  const interaction = interactionOf(call);
  const original = world.messages.get(interaction.originalMessageId ?? '');
  if (original !== undefined && (original.flags & MessageFlags.Loading) !== 0) return editByToken(call, interaction, original);
  if (interaction.isUserInstallOnly && interaction.followUps >= 5) throw refusals.followUpCap();
  const body = checkMessageBody(call.body, { flags: interactionFlags });
  interaction.followUps += 1;
  const message = createMessage(world, {
    channel: world.channel(interaction.channelId),
    authorId: world.botId,
    body,
    files: call.files,
    via: 'token',
    maxFileBytes: interaction.maxFileBytes,
    interaction: { id: interaction.id, userId: interaction.userId, name: interaction.name, token: interaction.token },
    ephemeralFor: ((body.flags ?? 0) & MessageFlags.Ephemeral) === 0 ? undefined : interaction.userId,
  });
  publish(world, gateway, 'MESSAGE_CREATE', message);
  return { status: 200, json: messageJson(world, message, everything) };
}

const tokenMessage = '/webhooks/:application/:token/messages/:message';
const byToken = { bucket: 'interactionToken', hash: '7f8etoken', major: ['application', 'token'], needsToken: false } as const;

export const interactionRoutes: readonly Route[] = [
  {
    bucket: 'other',
    hash: '0callback',
    major: ['token'],
    needsToken: false,
    method: 'POST',
    pattern: '/interactions/:interaction/:token/callback',
    handle: answerInteraction,
  },
  { ...byToken, method: 'POST', pattern: '/webhooks/:application/:token', handle: followUp },
  {
    ...byToken,
    method: 'PATCH',
    pattern: tokenMessage,
    handle: (call) => {
      const interaction = interactionOf(call);
      return editByToken(call, interaction, messageOf(call, interaction));
    },
  },
  {
    ...byToken,
    method: 'GET',
    pattern: tokenMessage,
    handle: (call) => ({ status: 200, json: messageJson(call.world, messageOf(call, interactionOf(call)), everything) }),
  },
  {
    ...byToken,
    method: 'DELETE',
    pattern: tokenMessage,
    handle: (call) => {
      const message = messageOf(call, interactionOf(call));
      deleteMessage(call.world, message, 'token');
      publish(call.world, call.gateway, 'MESSAGE_DELETE', message);
      return { status: 204 };
    },
  },
];
