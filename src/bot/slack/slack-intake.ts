import type { Clock } from '../../clock.ts';
import type { CommandSpec } from '../../commands/command-spec.ts';
import type { Attachment, Desk, Form } from '../../commands/contract.ts';
import type { Logger } from '../../logger.ts';
import type { Settings } from '../../settings.ts';
import type { SeenKeys } from './seen-keys.ts';
import type { SlackAssistant } from './slack-assistant.ts';
import { slackAttachment } from './slack-attachments.ts';
import { formView, type Rendered } from './slack-blocks.ts';
import type { SlackClient, SlackSpot } from './slack-client.ts';
import type { FormMetadata, SlackFile } from './slack-payloads.ts';
import type { SlackPeople } from './slack-people.ts';
import type { Asking, SlackReception } from './slack-reception.ts';
import type { SlackRooms } from './slack-rooms.ts';
import type { SurfaceBook } from './surface-book.ts';

/** What every entrance (events, commands, buttons, forms) works with. */
export interface IntakeTools {
  readonly desk: Desk;
  readonly client: SlackClient;
  readonly people: SlackPeople;
  readonly rooms: SlackRooms;
  readonly reception: SlackReception;
  readonly seen: SeenKeys;
  readonly book: SurfaceBook;
  readonly assistant: SlackAssistant;
  readonly settings: Settings;
  readonly specs: readonly CommandSpec[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly botUser: string;
  readonly team: string;
  readonly botToken: string;
  readonly apiUrl: string;
  /** Base of permalinks, such as `https://acme.slack.com/`. */
  readonly workspaceUrl: string;
}

/** Hands an invocation to the desk and answers. */
export async function receive({ desk, reception }: IntakeTools, asking: Asking): Promise<void> {
  await reception.deliver(desk.receive(asking.invocation), asking);
}

export function attachmentsOf({ client, botToken, apiUrl }: IntakeTools, files: readonly SlackFile[] | undefined): readonly Attachment[] {
  const lookUp = async (file: string): Promise<SlackFile | undefined> => {
    const answer = await client.call({ method: 'files.info', priority: 'first' }, () => client.web.files.info({ file }));
    return answer.file === undefined ? undefined : { id: file, ...answer.file };
  };
  return (files ?? []).map((file) => slackAttachment(file, { botToken, apiUrl, lookUp }));
}

/** A whisper in a channel by the Web API; in a direct message there is nobody to hide from. */
export function whisperIn(
  { client }: IntakeTools,
  spot: SlackSpot,
  { user, direct }: { user: string; direct: boolean },
): (rendered: Rendered) => Promise<void> {
  return async (rendered) => {
    if (direct) await client.post(spot, () => rendered, { urgency: { priority: 'first' }, mark: { role: 'text' } });
    else await client.whisper(spot, user, rendered);
  };
}

/** Opens a modal while the trigger is good. */
export function formOpener({ client }: IntakeTools, trigger: string, place: Omit<FormMetadata, 'form'>): (form: Form) => Promise<void> {
  return async (form) => {
    const view = formView(form, JSON.stringify({ ...place, form: form.id } satisfies FormMetadata));
    await client.call({ method: 'views.open', priority: 'first' }, () => client.web.views.open({ trigger_id: trigger, view }));
  };
}

/** A command that stands alone in a message, or after a slash: `queue`, `/imagine a fox`. */
export function typedCommand(text: string, specs: readonly CommandSpec[]): { readonly command: string; readonly text: string } | undefined {
  const match = /^([/!]?)([a-z][a-z-]*)(?:\s+([\s\S]*))?$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, slash, word = '', rest = ''] = match;
  const spec = specs.find(({ name, aliases }) => [name, ...(aliases ?? [])].includes(word.toLowerCase()));
  if (spec === undefined) return undefined;
  const standsAlone = rest.trim() === '' && spec.options.every((option) => option.required !== true);
  return slash !== '' || standsAlone ? { command: spec.name, text: rest.trim() } : undefined;
}
