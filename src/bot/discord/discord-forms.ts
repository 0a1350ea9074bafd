import { type APIModalInteractionResponseCallbackData, ComponentType, type ModalSubmitInteraction, TextInputStyle } from 'discord.js';
import type { Form } from '../../commands/contract.ts';
import { clipped } from './discord-render.ts';

const limits = { fields: 5, title: 45, label: 45, value: 4000, placeholder: 100 } as const;

/** A form as a modal. */
export function modalOf(form: Form): APIModalInteractionResponseCallbackData {
  return {
    custom_id: form.id,
    title: clipped(form.title, limits.title),
    components: form.fields.slice(0, limits.fields).map((field) => {
      const maxLength = Math.min(field.maxLength, limits.value);
      return {
        type: ComponentType.Label,
        label: clipped(field.label, limits.label),
        component: {
          type: ComponentType.TextInput,
          custom_id: field.name,
          style: field.multiline ? TextInputStyle.Paragraph : TextInputStyle.Short,
          required: field.required,
          max_length: maxLength,
          ...(field.value === '' ? {} : { value: clipped(field.value, maxLength) }),
          ...(field.placeholder === undefined ? {} : { placeholder: clipped(field.placeholder, limits.placeholder) }),
        },
      };
    }),
  };
}

/** What was written into the fields. */
export function valuesOf(interaction: ModalSubmitInteraction): Record<string, string> {
  return Object.fromEntries(
    [...interaction.fields.fields.values()].flatMap((field) => ('value' in field && typeof field.value === 'string' ? [[field.customId, field.value]] : [])),
  );
}
