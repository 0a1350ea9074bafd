import { ButtonStyle, ComponentType } from 'discord-api-types/v10';
import { z } from 'zod';
import { invalidForm } from './refusal.ts';

/** The components of a message, checked as Discord checks them (docs "Component Reference", state of 2026-08). */

const customId = z.string().min(1).max(100);
const componentId = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .optional();
const emoji = z.strictObject({ id: z.string().optional(), name: z.string().min(1).optional(), animated: z.boolean().optional() });

const button = z
  .strictObject({
    type: z.literal(ComponentType.Button),
    id: componentId,
    style: z.int().min(1).max(6),
    label: z.string().max(80).optional(),
    emoji: emoji.optional(),
    custom_id: customId.optional(),
    url: z.string().max(512).optional(),
    disabled: z.boolean().optional(),
  })
  .superRefine((value, context) => {
    const isLink = value.style === ButtonStyle.Link;
    if (isLink !== (value.url !== undefined) || isLink === (value.custom_id !== undefined))
      context.addIssue({ code: 'custom', message: 'COMPONENT_BUTTON_TARGET_INVALID', path: ['custom_id'] });
    if ((value.label ?? '') === '' && value.emoji === undefined)
      context.addIssue({ code: 'custom', message: 'COMPONENT_BUTTON_LABEL_OR_EMOJI_REQUIRED', path: ['label'] });
  });

const select = z
  .strictObject({
    type: z.literal(ComponentType.StringSelect),
    id: componentId,
    custom_id: customId,
    options: z
      .array(
        z.strictObject({
          label: z.string().min(1).max(100),
          value: z.string().min(1).max(100),
          description: z.string().max(100).optional(),
          default: z.boolean().optional(),
        }),
      )
      .min(1)
      .max(25),
    placeholder: z.string().max(150).optional(),
    min_values: z.int().min(0).max(25).optional(),
    max_values: z.int().min(1).max(25).optional(),
    disabled: z.boolean().optional(),
  })
  .superRefine((value, context) => {
    if ((value.max_values ?? 1) > value.options.length) context.addIssue({ code: 'custom', message: 'COMPONENT_SELECT_MAX_VALUES', path: ['max_values'] });
  });

const actionRow = z
  .strictObject({
    type: z.literal(ComponentType.ActionRow),
    id: componentId,
    components: z
      .array(z.discriminatedUnion('type', [button, select]))
      .min(1)
      .max(5),
  })
  .superRefine((row, context) => {
    if (row.components.length > 1 && row.components.some(({ type }) => type === ComponentType.StringSelect))
      context.addIssue({ code: 'custom', message: 'COMPONENT_LAYOUT_WIDTH_EXCEEDED', path: ['components'] });
  });

const textDisplay = z.strictObject({ type: z.literal(ComponentType.TextDisplay), id: componentId, content: z.string().min(1).max(4000) });
const media = z.strictObject({ url: z.string().regex(/^(https?|attachment):\/\//, 'a media url is http(s) or attachment://') });
const thumbnail = z.strictObject({
  type: z.literal(ComponentType.Thumbnail),
  id: componentId,
  media,
  description: z.string().max(1024).optional(),
  spoiler: z.boolean().optional(),
});
const section = z.strictObject({
  type: z.literal(ComponentType.Section),
  id: componentId,
  components: z.array(textDisplay).min(1).max(3),
  accessory: z.discriminatedUnion('type', [button, thumbnail]),
});
const mediaGallery = z.strictObject({
  type: z.literal(ComponentType.MediaGallery),
  id: componentId,
  items: z
    .array(z.strictObject({ media, description: z.string().min(1).max(1024).optional(), spoiler: z.boolean().optional() }))
    .min(1)
    .max(10),
});
const file = z.strictObject({
  type: z.literal(ComponentType.File),
  id: componentId,
  file: z.strictObject({ url: z.string().startsWith('attachment://') }),
  spoiler: z.boolean().optional(),
});
const separator = z.strictObject({
  type: z.literal(ComponentType.Separator),
  id: componentId,
  divider: z.boolean().optional(),
  spacing: z.union([z.literal(1), z.literal(2)]).optional(),
});
const container = z.strictObject({
  type: z.literal(ComponentType.Container),
  id: componentId,
  accent_color: z.int().min(0).max(0xff_ffff).nullable().optional(),
  spoiler: z.boolean().optional(),
  components: z.array(z.discriminatedUnion('type', [actionRow, section, textDisplay, mediaGallery, file, separator])).min(1),
});

export const legacyComponents = z.array(actionRow).max(5);
export const layoutComponents = z.array(z.discriminatedUnion('type', [actionRow, section, textDisplay, mediaGallery, file, separator, container])).max(40);
export type LayoutComponent = z.output<typeof layoutComponents>[number];
export type LegacyRow = z.output<typeof actionRow>;
export type StoredComponent = LayoutComponent;

/** Every component of the tree, the nested ones too. */
export function allComponents(components: readonly StoredComponent[]): (StoredComponent | z.output<typeof button> | z.output<typeof select>)[] {
  return components.flatMap((component) => {
    if (component.type === ComponentType.Container) return [component, ...allComponents(component.components)];
    if (component.type === ComponentType.ActionRow) return [component, ...component.components];
    if (component.type === ComponentType.Section) return [component, ...component.components, ...(component.accessory.type === 2 ? [component.accessory] : [])];
    return [component];
  });
}

/** The `attachment://` names the components show. */
export function shownFiles(components: readonly StoredComponent[]): string[] {
  return allComponents(components)
    .flatMap((component) => {
      if (component.type === ComponentType.MediaGallery) return component.items.map((item) => item.media.url);
      return component.type === ComponentType.File ? [component.file.url] : [];
    })
    .filter((url) => url.startsWith('attachment://'))
    .map((url) => url.slice('attachment://'.length));
}

/** Rules over the whole tree: at most 40 components, 4,000 characters of text, each custom id once. */
export function checkTree(components: readonly StoredComponent[]): void {
  const all = allComponents(components);
  const fault = (code: string, message: string) => invalidForm([{ path: ['components'], code, message }]);
  if (all.length > 40) throw fault('COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED', `The maximum number of components in a message is 40 (there are ${all.length}).`);
  const text = all.reduce((sum, component) => sum + (component.type === ComponentType.TextDisplay ? component.content.length : 0), 0);
  if (text > 4000) throw fault('COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED', `The total displayable text must be 4000 or fewer (it is ${text}).`);
  const ids = all.flatMap((component) => ('custom_id' in component && component.custom_id !== undefined ? [component.custom_id] : []));
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw fault('COMPONENT_CUSTOM_ID_DUPLICATED', `Component custom id cannot be duplicated: ${twice}`);
}
