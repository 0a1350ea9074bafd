import { MessageFlags } from 'discord-api-types/v10';
import { z } from 'zod';
import { checkTree, layoutComponents, legacyComponents, type StoredComponent } from './component-schema.ts';
import { checked, invalidForm, refusals } from './refusal.ts';

/** What a message may carry, checked as Discord checks it. Fields we never send are refused, so that a typing error shows. */

const snowflake = z.string().regex(/^\d{17,20}$/);
const embed = z.strictObject({
  title: z.string().max(256).optional(),
  description: z.string().max(4096).optional(),
  url: z.string().optional(),
  color: z.int().min(0).max(0xff_ffff).optional(),
  image: z.strictObject({ url: z.string() }).optional(),
  footer: z.strictObject({ text: z.string().max(2048) }).optional(),
});
const attachmentEntry = z.strictObject({
  id: z.union([z.int().min(0), z.string().regex(/^\d+$/)]).transform(String),
  filename: z.string().min(1).max(1024).optional(),
  description: z.string().max(1024).nullable().optional(),
  title: z.string().max(1024).nullable().optional(),
  is_spoiler: z.boolean().optional(),
  waveform: z.null().optional(),
  duration_secs: z.null().optional(),
});
const allowedMentions = z
  .strictObject({
    parse: z.array(z.enum(['users', 'roles', 'everyone'])).optional(),
    users: z.array(snowflake).max(100).optional(),
    roles: z.array(snowflake).max(100).optional(),
    replied_user: z.boolean().optional(),
  })
  .refine((value) => !(value.parse?.includes('users') === true && (value.users?.length ?? 0) > 0), 'parse and users exclude each other');

const bodySchema = z.strictObject({
  content: z.string().max(2000).nullable().optional(),
  embeds: z.array(embed).max(10).optional(),
  flags: z.int().min(0).optional(),
  tts: z.boolean().optional(),
  nonce: z
    .union([z.string().max(25), z.int()])
    .transform(String)
    .optional(),
  enforce_nonce: z.boolean().optional(),
  components: z.array(z.unknown()).optional(),
  attachments: z.array(attachmentEntry).optional(),
  allowed_mentions: allowedMentions.optional(),
  message_reference: z
    .strictObject({
      type: z.literal(0).optional(),
      message_id: snowflake,
      channel_id: snowflake.optional(),
      guild_id: snowflake.optional(),
      fail_if_not_exists: z.boolean().optional(),
    })
    .optional(),
  sticker_ids: z.array(snowflake).max(3).optional(),
});

export type AttachmentEntry = z.output<typeof attachmentEntry>;
export type AllowedMentions = z.output<typeof allowedMentions>;
export interface MessageBody extends Omit<z.output<typeof bodySchema>, 'components'> {
  readonly components?: StoredComponent[];
}

export interface MessageRules {
  /** The flags that may be set here. */
  readonly flags: number;
  /** The message before an edit. */
  readonly before?: { readonly flags: number; readonly content: string; readonly embeds: number };
  /** Callback bodies sit under `data`. */
  readonly prefix?: readonly string[];
}

export const createFlags = MessageFlags.SuppressEmbeds | MessageFlags.SuppressNotifications | MessageFlags.IsComponentsV2;
export const editFlags = MessageFlags.SuppressEmbeds | MessageFlags.IsComponentsV2;
export const interactionFlags = createFlags | MessageFlags.Ephemeral;

/** Checks a create or edit body. Throws 50035 with a tree, as Discord does. */
export function checkMessageBody(raw: unknown, rules: MessageRules): MessageBody {
  const prefix = rules.prefix ?? [];
  const { components: rawComponents, ...body } = checked(bodySchema, raw ?? {}, prefix);
  const flags = body.flags ?? 0;
  if ((flags & ~rules.flags) !== 0)
    throw invalidForm([{ path: [...prefix, 'flags'], code: 'BASE_TYPE_CHOICES', message: `These flags can't be set here: ${flags}` }]);
  const wasLayout = ((rules.before?.flags ?? 0) & MessageFlags.IsComponentsV2) !== 0;
  const isLayout = (flags & MessageFlags.IsComponentsV2) !== 0;
  if (wasLayout && !isLayout && rawComponents !== undefined) {
    // seen in discord-net#3132: components are read by the flag of the request, not of the message
    throw invalidForm([{ path: [...prefix, 'components', '0'], code: 'UNION_TYPE_CHOICES', message: 'Value of field "type" must be one of (1,).' }]);
  }
  if (isLayout || wasLayout) checkLayoutFields(body, { ...rules, prefix });
  const components =
    rawComponents === undefined ? undefined : checked(isLayout ? layoutComponents : legacyComponents, rawComponents, [...prefix, 'components']);
  if (components !== undefined) checkTree(components);
  if (isLayout && (components ?? []).length === 0) throw refusals.emptyMessage();
  return { ...body, ...(components === undefined ? {} : { components }) };
}

function checkLayoutFields(body: Omit<z.output<typeof bodySchema>, 'components'>, rules: MessageRules & { readonly prefix: readonly string[] }): void {
  const wrong = (field: string) =>
    invalidForm([
      {
        path: [...rules.prefix, field],
        code: 'MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2',
        message: `The '${field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2`,
      },
    ]);
  if (typeof body.content === 'string') throw wrong('content'); // '' too: whether Discord takes it is not known, so the fake is strict
  if ((body.embeds ?? []).length > 0) throw wrong('embeds');
  if ((body.sticker_ids ?? []).length > 0) throw wrong('sticker_ids');
  const before = rules.before;
  if (before === undefined || (before.flags & MessageFlags.IsComponentsV2) !== 0) return;
  if (before.content !== '' && body.content !== null) throw wrong('content');
  if (before.embeds > 0 && body.embeds === undefined) throw wrong('embeds');
}
