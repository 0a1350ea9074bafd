import { z } from 'zod';
import { refuseBlocks, SlackRefusal } from './slack-refusal.ts';
import type { FakeBlock } from './slack-state.ts';

const blockId = z.string().min(1).max(255).optional();
const actionId = z.string().min(1).max(255).optional();
const plain = (max: number) => z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() });
const mrkdwn = (max: number) => z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(max), verbatim: z.boolean().optional() });
const words = (max: number) => z.union([plain(max), mrkdwn(max)]);

const slackFile = z.union([z.strictObject({ id: z.string().regex(/^F[A-Z0-9]{8,}$/) }), z.strictObject({ url: z.string().min(1).max(3000) })]);
const imageParts = { alt_text: z.string().min(1).max(2000), slack_file: slackFile.optional(), image_url: z.url().max(3000).optional() };
const oneSource = (image: { slack_file?: unknown; image_url?: unknown }) => (image.slack_file === undefined) !== (image.image_url === undefined);
const imageElement = z.strictObject({ type: z.literal('image'), ...imageParts }).refine(oneSource, 'one of image_url and slack_file');

const button = z.strictObject({
  type: z.literal('button'),
  text: plain(75),
  action_id: actionId,
  value: z.string().max(2000).optional(),
  url: z.url().max(3000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  accessibility_label: z.string().max(75).optional(),
});
const option = z.strictObject({ text: plain(75), value: z.string().min(1).max(150) });
const select = z.strictObject({
  type: z.literal('static_select'),
  action_id: actionId,
  placeholder: plain(150).optional(),
  options: z.array(option).min(1).max(100),
  initial_option: option.optional(),
});
const plainInput = z.strictObject({
  type: z.literal('plain_text_input'),
  action_id: actionId,
  initial_value: z.string().max(3000).optional(),
  multiline: z.boolean().optional(),
  max_length: z.int().min(1).max(3000).optional(),
  min_length: z.int().min(0).max(3000).optional(),
  placeholder: plain(150).optional(),
});

const section = z
  .strictObject({
    type: z.literal('section'),
    block_id: blockId,
    text: words(3000).optional(),
    fields: z.array(words(2000)).min(1).max(10).optional(),
    accessory: z.union([button, imageElement, select]).optional(),
    expand: z.boolean().optional(),
  })
  .refine((block) => block.text !== undefined || block.fields !== undefined, 'text or fields');
const common = [
  section,
  z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  z.strictObject({ type: z.literal('header'), block_id: blockId, text: plain(150) }),
  z.strictObject({
    type: z.literal('context'),
    block_id: blockId,
    elements: z
      .array(z.union([words(3000), imageElement]))
      .min(1)
      .max(10),
  }),
  z.strictObject({
    type: z.literal('actions'),
    block_id: blockId,
    elements: z
      .array(z.union([button, select]))
      .min(1)
      .max(25),
  }),
  z
    .strictObject({ type: z.literal('image'), block_id: blockId, title: plain(2000).optional(), ...imageParts })
    .refine(oneSource, 'one of image_url and slack_file'),
] as const;
const markdown = z.strictObject({ type: z.literal('markdown'), block_id: blockId, text: z.string().min(1).max(12_000) });
const input = z.strictObject({
  type: z.literal('input'),
  block_id: blockId,
  label: plain(2000),
  element: z.union([plainInput, select]),
  hint: plain(2000).optional(),
  optional: z.boolean().optional(),
  dispatch_action: z.boolean().optional(),
});
const messageBlock = z.union([...common, markdown]);
const surfaceBlock = z.union([...common, input]);

const viewSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('modal'),
    title: plain(24),
    submit: plain(24).optional(),
    close: plain(24).optional(),
    callback_id: z.string().max(255).optional(),
    private_metadata: z.string().max(3000).optional(),
    blocks: z.array(z.unknown()),
    clear_on_close: z.boolean().optional(),
    notify_on_close: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('home'),
    callback_id: z.string().max(255).optional(),
    private_metadata: z.string().max(3000).optional(),
    blocks: z.array(z.unknown()),
  }),
]);

/** All blocks of a message together fail from here on. */
const payloadLimit = 13_200;
const markdownLimit = 12_000;

/** Blocks of a message as Slack would take them; throws 'invalid_blocks' with the place, 'invalid_blocks_format', 'msg_blocks_too_long'. */
export function checkMessageBlocks(value: unknown): FakeBlock[] {
  const blocks = parseBlocks(value, 50, messageBlock);
  const markdownLength = blocks.reduce((sum, block) => sum + (block.type === 'markdown' ? String(Reflect.get(block, 'text')).length : 0), 0);
  const textLength = blocks.reduce((sum, block) => sum + lengthOfText(block), 0);
  if (markdownLength > markdownLimit || textLength > payloadLimit) throw new SlackRefusal('msg_blocks_too_long');
  return blocks;
}

/** A view as `views.open` or `views.publish` takes it. */
export function checkView(value: unknown, type: 'modal' | 'home'): Readonly<Record<string, unknown>> {
  const parsed = viewSchema.safeParse(value);
  if (!parsed.success || parsed.data.type !== type) {
    const issue = parsed.error?.issues[0];
    throw new SlackRefusal('invalid_arguments', {
      response_metadata: { messages: [`[ERROR] ${issue?.message} [json-pointer:/view/${issue?.path.join('/')}]`] },
    });
  }
  const blocks = parseBlocks(parsed.data.blocks, 100, surfaceBlock);
  if (JSON.stringify(value).length > 250_000) throw new SlackRefusal('view_too_large');
  if (type === 'modal' && blocks.some(({ type: kind }) => kind === 'input') && !('submit' in parsed.data)) throw new SlackRefusal('invalid_arguments');
  return { ...parsed.data, blocks };
}

function parseBlocks(value: unknown, limit: number, schema: z.ZodType<FakeBlock>): FakeBlock[] {
  if (!Array.isArray(value)) throw new SlackRefusal('invalid_blocks_format');
  if (value.length > limit) throw refuseBlocks(`no more than ${limit} items allowed`, '/blocks');
  const ids = new Set<string>();
  return value.map((raw, index) => {
    const parsed = schema.safeParse(raw);
    if (!parsed.success) throw refuseBlocks(JSON.stringify(parsed.error.issues[0])?.slice(0, 300) ?? 'invalid', `/blocks/${index}`);
    checkIds(parsed.data, ids, `/blocks/${index}`);
    return parsed.data;
  });
}

function checkIds(block: FakeBlock, seen: Set<string>, pointer: string): void {
  const id = block['block_id'];
  if (typeof id === 'string') {
    if (seen.has(id)) throw refuseBlocks('`block_id` already exists', `${pointer}/block_id`);
    seen.add(id);
  }
  const elements = Array.isArray(block['elements']) ? block['elements'] : [];
  const actions = elements.map((element: unknown) => (typeof element === 'object' && element !== null ? Reflect.get(element, 'action_id') : undefined));
  const named = actions.filter((action) => typeof action === 'string');
  if (new Set(named).size !== named.length) throw refuseBlocks('`action_id` already exists', `${pointer}/elements`);
}

function lengthOfText(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + lengthOfText(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce((sum, [key, item]) => sum + (key === 'text' && typeof item === 'string' ? item.length : lengthOfText(item)), 0);
}
