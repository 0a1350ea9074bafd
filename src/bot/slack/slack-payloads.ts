import { z } from 'zod';

/** What Slack sends, as far as Fresco reads it. Untrusted until parsed; unknown keys are left out. */

const fileSchema = z.object({
  id: z.string(),
  name: z.string().nullish(),
  mimetype: z.string().nullish(),
  size: z.number().nullish(),
  mode: z.string().nullish(),
  file_access: z.string().nullish(),
  url_private: z.string().nullish(),
  url_private_download: z.string().nullish(),
});
export type SlackFile = z.infer<typeof fileSchema>;

const blockSchema = z.object({
  type: z.string(),
  block_id: z.string().optional(),
  slack_file: z.object({ id: z.string().optional() }).optional(),
  elements: z.array(z.object({ text: z.unknown().optional() })).optional(),
});

export const eventBodySchema = z.object({
  team_id: z.string().optional(),
  event_id: z.string().optional(),
  event: z.looseObject({ type: z.string() }),
});

export const messageEventSchema = z.object({
  type: z.enum(['app_mention', 'message']),
  subtype: z.string().optional(),
  hidden: z.boolean().optional(),
  edited: z.unknown().optional(),
  channel: z.string(),
  channel_type: z.string().optional(),
  user: z.string().optional(),
  bot_id: z.string().optional(),
  user_team: z.string().optional(),
  team: z.string().optional(),
  text: z.string().optional(),
  ts: z.string(),
  thread_ts: z.string().optional(),
  deleted_ts: z.string().optional(),
  files: z.array(fileSchema).optional(),
});
export type MessageEvent = z.infer<typeof messageEventSchema>;

export const homeOpenedSchema = z.object({ user: z.string(), channel: z.string().optional(), tab: z.string() });
export const assistantThreadSchema = z.object({ assistant_thread: z.object({ user_id: z.string(), channel_id: z.string(), thread_ts: z.string() }) });
export const sessionStoppedSchema = z.object({
  channel: z.string(),
  user: z.string(),
  thread_ts: z.string().optional(),
  streaming_message_ts: z.union([z.array(z.string()), z.string()]).optional(),
});
export const revokedSchema = z.object({ tokens: z.object({ bot: z.array(z.string()).optional() }).optional() });

export const commandBodySchema = z.object({
  team_id: z.string(),
  channel_id: z.string(),
  user_id: z.string(),
  user_name: z.string().optional(),
  command: z.string(),
  text: z.string().optional(),
  trigger_id: z.string(),
});
export type CommandBody = z.infer<typeof commandBodySchema>;

const presserSchema = {
  team: z.object({ id: z.string() }).nullish(),
  user: z.object({ id: z.string(), team_id: z.string().optional() }),
  trigger_id: z.string().optional(),
};

const messageSchema = z.object({
  ts: z.string(),
  thread_ts: z.string().optional(),
  user: z.string().optional(),
  bot_id: z.string().optional(),
  text: z.string().optional(),
  blocks: z.array(blockSchema).optional(),
  files: z.array(fileSchema).optional(),
});

export const pressBodySchema = z.object({
  ...presserSchema,
  channel: z.object({ id: z.string() }).optional(),
  container: z.object({ type: z.string(), message_ts: z.string().optional(), thread_ts: z.string().optional(), view_id: z.string().optional() }).optional(),
  message: messageSchema.optional(),
  actions: z
    .array(
      z.object({
        action_id: z.string(),
        value: z.string().optional(),
        action_ts: z.string().optional(),
        selected_option: z.object({ value: z.string() }).nullish(),
      }),
    )
    .min(1),
});
export type PressBody = z.infer<typeof pressBodySchema>;

export const shortcutBodySchema = z.object({
  ...presserSchema,
  type: z.enum(['shortcut', 'message_action']),
  callback_id: z.string(),
  action_ts: z.string().optional(),
  channel: z.object({ id: z.string() }).optional(),
  message: messageSchema.optional(),
});
export type ShortcutBody = z.infer<typeof shortcutBodySchema>;

export const submissionBodySchema = z.object({
  ...presserSchema,
  view: z.object({
    id: z.string(),
    callback_id: z.string(),
    private_metadata: z.string(),
    state: z.object({ values: z.record(z.string(), z.record(z.string(), z.object({ value: z.string().nullish() }))) }),
  }),
});
export type SubmissionBody = z.infer<typeof submissionBodySchema>;

/** What a form carries along, so that its answer goes where it was asked. */
export const formMetadataSchema = z.object({ form: z.string(), channel: z.string(), thread: z.string().optional(), direct: z.boolean() });
export type FormMetadata = z.infer<typeof formMetadataSchema>;
