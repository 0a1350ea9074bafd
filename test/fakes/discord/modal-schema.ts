import { z } from 'zod';
import { checked } from './refusal.ts';
import type { StoredModal } from './world.ts';

const textInput = z
  .strictObject({
    type: z.literal(4),
    id: z.int().optional(),
    custom_id: z.string().min(1).max(100),
    style: z.union([z.literal(1), z.literal(2)]),
    min_length: z.int().min(0).max(4000).optional(),
    max_length: z.int().min(1).max(4000).optional(),
    required: z.boolean().optional(),
    value: z.string().max(4000).optional(),
    placeholder: z.string().max(100).optional(),
  })
  .superRefine((input, context) => {
    if ((input.value?.length ?? 0) > (input.max_length ?? 4000)) context.addIssue({ code: 'custom', path: ['value'], message: 'BASE_TYPE_MAX_LENGTH' });
  });
const label = z.strictObject({
  type: z.literal(18),
  id: z.int().optional(),
  label: z.string().min(1).max(45),
  description: z.string().max(100).optional(),
  component: textInput,
});
const modal = z.strictObject({ custom_id: z.string().min(1).max(100), title: z.string().min(1).max(45), components: z.array(label).min(1).max(5) });

/** Checks the data of a modal callback. */
export function checkModal(data: unknown): StoredModal {
  const body = checked(modal, data, ['data']);
  return {
    customId: body.custom_id,
    title: body.title,
    fields: body.components.map(({ label: text, component }) => ({
      customId: component.custom_id,
      label: text,
      value: component.value ?? '',
      required: component.required ?? true,
      maxLength: component.max_length ?? 4000,
      multiline: component.style === 2,
    })),
  };
}
