import { type JobId, jobIdSchema, newJobId } from '../ids.ts';
import type { CommandInvocation, Form, MenuInvocation, TypedInvocation } from './contract.ts';

/** Forms, and the ids that come back with them: `v1:imagine[:token]`, `v1:edit:job`, `v1:ask:token`. */

export type FormId =
  | { readonly form: 'imagine'; readonly token: JobId | undefined }
  | { readonly form: 'edit'; readonly job: JobId }
  | { readonly form: 'ask'; readonly token: JobId };

/** Reads a form id that came back; undefined for anything we did not write. */
export function parseFormId(text: string): FormId | undefined {
  const [version, form, id] = text.split(':');
  const parsed = jobIdSchema.safeParse(id);
  if (version !== 'v1' || text.split(':').length > 3) return undefined;
  if (form === 'imagine' && id === undefined) return { form, token: undefined };
  if (!parsed.success) return undefined;
  if (form === 'imagine') return { form, token: parsed.data };
  if (form === 'edit') return { form, job: parsed.data };
  return form === 'ask' ? { form, token: parsed.data } : undefined;
}

/** What a form is about while it is open; lost at a restart, which the person is then told. */
export class OpenForms {
  readonly #invocations = new Map<JobId, CommandInvocation | TypedInvocation | MenuInvocation>();

  keep(invocation: CommandInvocation | TypedInvocation | MenuInvocation): JobId {
    const token = newJobId();
    this.#invocations.set(token, invocation);
    if (this.#invocations.size > 1000) for (const oldest of this.#invocations.keys()) if (this.#invocations.delete(oldest)) break;
    return token;
  }
  find(token: JobId): CommandInvocation | TypedInvocation | MenuInvocation | undefined {
    return this.#invocations.get(token);
  }
}

const promptField = { name: 'prompt', label: 'Prompt', multiline: true, maxLength: 4000 } as const;
const negativeField = { name: 'negative', label: 'Not in the picture', value: '', multiline: false, required: false, maxLength: 2000 } as const;

/** Asks for a prompt, keeping the options that were given already. */
export function imagineForm({ forms }: { readonly forms: OpenForms }, invocation: CommandInvocation | TypedInvocation): Form {
  const isBare =
    invocation.kind === 'command' ? Object.keys(invocation.options).length === 0 : invocation.text.trim() === '' && invocation.attachments.length === 0;
  return {
    id: isBare ? 'v1:imagine' : `v1:imagine:${forms.keep(invocation)}`,
    title: 'Paint a picture',
    fields: [
      { ...promptField, value: '', required: true, placeholder: 'a castle at night --ar 16:9' },
      negativeField,
      { name: 'size', label: 'Size', value: '', multiline: false, required: false, maxLength: 20, placeholder: '16:9 or 512x768' },
    ],
  };
}

/** Changes a picture's prompt; one that is no longer in memory stays as it was where the field is left empty. */
export function editForm(job: JobId, prompt: string | undefined): Form {
  const value = (prompt ?? '').slice(0, 4000);
  return {
    id: `v1:edit:${job}`,
    title: 'Edit the prompt',
    fields: [{ ...promptField, value, required: value !== '', ...(value === '' ? { placeholder: 'Leave empty to keep the prompt' } : {}) }],
  };
}

/** Asks what one would like to know about a message. */
export function askAboutForm(token: JobId): Form {
  return {
    id: `v1:ask:${token}`,
    title: 'Ask about this',
    fields: [{ name: 'question', label: 'Your question', value: '', multiline: true, required: true, maxLength: 4000, placeholder: 'What does this mean?' }],
  };
}
