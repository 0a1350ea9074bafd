import { MessageFlags, MessageType } from 'discord-api-types/v10';
import { shownFiles } from './component-schema.ts';
import type { AllowedMentions, AttachmentEntry, MessageBody } from './message-schema.ts';
import { invalidForm, refusals } from './refusal.ts';
import type { MessageState, StoredChannel, StoredFile, StoredMessage, World } from './world.ts';

/** A file of a multipart request: `files[n]`. */
export interface UploadedFile {
  readonly index: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export interface NewMessage {
  readonly channel: StoredChannel;
  readonly authorId: string;
  readonly body: MessageBody;
  readonly files: readonly UploadedFile[];
  readonly via: 'channel' | 'token';
  readonly maxFileBytes: number;
  readonly interaction?: StoredMessage['interaction'];
  readonly ephemeralFor?: string | undefined;
  readonly isLoading?: boolean;
  readonly mentions?: readonly string[];
}

/** Stores a message and returns it. Throws what Discord refuses. */
export function createMessage(world: World, input: NewMessage): StoredMessage {
  const { body, channel, authorId } = input;
  moderate(world, body, authorId);
  const files = acceptFiles(world, {
    uploads: input.files,
    entries: body.attachments,
    kept: [],
    maxFileBytes: input.maxFileBytes,
    isEphemeral: input.ephemeralFor !== undefined,
  });
  checkShownFiles(body, files);
  const isEmpty = (body.content ?? '') === '' && files.length === 0 && (body.components ?? []).length === 0 && (body.embeds ?? []).length === 0;
  if (isEmpty && input.isLoading !== true) throw refusals.emptyMessage();
  const message: StoredMessage = {
    id: world.mint.next(),
    channelId: channel.id,
    authorId,
    type: body.message_reference === undefined ? (input.interaction === undefined ? MessageType.Default : MessageType.ChatInputCommand) : MessageType.Reply,
    createdAtMs: world.clock.now(),
    content: body.content ?? '',
    components: body.components ?? [],
    files,
    embeds: body.embeds?.length ?? 0,
    flags: (body.flags ?? 0) | (input.ephemeralFor === undefined ? 0 : MessageFlags.Ephemeral) | (input.isLoading === true ? MessageFlags.Loading : 0),
    editedAtMs: undefined,
    replyTo: referenced(world, channel, body),
    mentions: input.mentions ?? [],
    pings: authorId === world.botId ? pingsOf(body, input.interaction === undefined ? allPings : userPings) : [],
    history: [],
    interaction: input.interaction,
    onlyFor: input.ephemeralFor,
    nonce: body.nonce,
  };
  message.history.push(stateOf(world, message));
  world.messages.set(message.id, message);
  world.timeline.add({ kind: 'posted', message: message.id, channel: channel.id, via: input.via });
  return message;
}

/** Edits a message in place, with the full-list rule for attachments. */
export function editMessage(
  world: World,
  message: StoredMessage,
  edit: { readonly body: MessageBody; readonly files: readonly UploadedFile[]; readonly via: 'channel' | 'token'; readonly maxFileBytes: number },
): void {
  const { body, files: uploads } = edit;
  moderate(world, body, message.authorId);
  const keepsFiles = body.attachments === undefined && uploads.length === 0;
  const files = keepsFiles
    ? message.files
    : acceptFiles(world, {
        uploads,
        entries: body.attachments,
        kept: message.files,
        maxFileBytes: edit.maxFileBytes,
        isEphemeral: message.onlyFor !== undefined,
      });
  checkShownFiles(body, files);
  message.content = body.content === undefined ? message.content : (body.content ?? '');
  message.components = body.components ?? message.components;
  message.embeds = body.embeds?.length ?? message.embeds;
  message.files = files;
  const set = (body.flags ?? 0) & (MessageFlags.IsComponentsV2 | MessageFlags.SuppressEmbeds);
  message.flags = (message.flags & ~MessageFlags.Loading) | set;
  if (message.content === '' && files.length === 0 && message.components.length === 0 && message.embeds === 0) throw refusals.emptyMessage();
  message.editedAtMs = world.clock.now();
  message.pings.push(...pingsOf(body, message.interaction === undefined ? allPings : userPings));
  message.history.push(stateOf(world, message));
  world.timeline.add({ kind: 'edited', message: message.id, channel: message.channelId, via: edit.via });
}

export function deleteMessage(world: World, message: StoredMessage, via: 'channel' | 'token'): void {
  world.messages.delete(message.id);
  world.timeline.add({ kind: 'deleted', message: message.id, channel: message.channelId, via });
}

const stateOf = (world: World, message: StoredMessage): MessageState => ({
  atMs: world.clock.now(),
  content: message.content,
  components: message.components,
  files: message.files,
  flags: message.flags,
});

function moderate(world: World, body: MessageBody, authorId: string): void {
  const text = JSON.stringify([body.content, body.components]);
  if (authorId === world.botId && world.moderatedWords.some((word) => text.includes(word))) throw refusals.autoModerated();
}

interface FilesInput {
  readonly uploads: readonly UploadedFile[];
  readonly entries: readonly AttachmentEntry[] | undefined;
  readonly kept: readonly StoredFile[];
  readonly maxFileBytes: number;
  readonly isEphemeral: boolean;
}

/** The list of attachments after a create or edit: each entry names an upload by its number or a kept file by its id. */
function acceptFiles(world: World, { uploads, entries, kept, maxFileBytes, isEphemeral }: FilesInput): StoredFile[] {
  if (uploads.some((file) => file.bytes.length > maxFileBytes)) throw refusals.tooLarge();
  const store = (upload: UploadedFile, entry?: AttachmentEntry): StoredFile => {
    const file: StoredFile = {
      id: world.mint.next(),
      filename: (entry?.filename ?? upload.filename).replaceAll(/[^\w.-]/g, '_'),
      description: entry?.description ?? undefined,
      contentType: upload.contentType,
      bytes: upload.bytes,
      isEphemeral,
    };
    world.files.set(file.id, file);
    return file;
  };
  if (entries === undefined) return uploads.map((upload) => store(upload));
  if (entries.length > 10) throw refusals.tooManyFiles();
  const files = entries.map((entry, index) => {
    const upload = uploads.find((candidate) => candidate.index === entry.id);
    const old = kept.find((candidate) => candidate.id === entry.id);
    if (upload !== undefined) return store(upload, entry);
    if (old !== undefined) return old;
    throw invalidForm([
      { path: ['attachments', index, 'id'], code: 'ATTACHMENT_NOT_FOUND', message: `No uploaded file and no kept attachment has the id ${entry.id}` },
    ]);
  });
  const unlisted = uploads.find((upload) => !entries.some(({ id }) => id === upload.index));
  if (unlisted !== undefined)
    throw invalidForm([{ path: ['attachments'], code: 'ATTACHMENT_NOT_LISTED', message: `files[${unlisted.index}] is not in attachments` }]);
  return files;
}

function checkShownFiles(body: MessageBody, files: readonly StoredFile[]): void {
  for (const name of shownFiles(body.components ?? [])) {
    if (!files.some((file) => file.filename === name)) {
      throw invalidForm([
        {
          path: ['components'],
          code: 'UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND',
          message: `The referenced attachment ${name} is not in the message`,
        },
      ]);
    }
  }
}

function referenced(world: World, channel: StoredChannel, body: MessageBody): string | undefined {
  const reference = body.message_reference;
  if (reference === undefined) return undefined;
  const target = world.messages.get(reference.message_id);
  if (target?.channelId === channel.id) return target.id;
  if (reference.fail_if_not_exists === false) return undefined;
  throw invalidForm([{ path: ['message_reference'], code: 'MESSAGE_REFERENCE_UNKNOWN_MESSAGE', message: 'Unknown message' }]);
}

const allPings: AllowedMentions = { parse: ['users', 'roles', 'everyone'] };
const userPings: AllowedMentions = { parse: ['users'] };

/** Whom this text notifies. Edits do not inherit `allowed_mentions`: absent means the default again. */
function pingsOf(body: MessageBody, byDefault: AllowedMentions): string[] {
  const text = `${body.content ?? ''} ${JSON.stringify(body.components ?? [])}`;
  const allowed = body.allowed_mentions ?? byDefault;
  const parse = allowed.parse ?? [];
  const users = [...text.matchAll(/<@!?(\d+)>/g)].flatMap(([, id]) =>
    id !== undefined && (parse.includes('users') || allowed.users?.includes(id) === true) ? [id] : [],
  );
  const roles = [...text.matchAll(/<@&(\d+)>/g)].flatMap(([, id]) =>
    id !== undefined && (parse.includes('roles') || allowed.roles?.includes(id) === true) ? [`&${id}`] : [],
  );
  const everyone = /@(everyone|here)/.test(text) && parse.includes('everyone') ? ['everyone'] : [];
  return [...users, ...roles, ...everyone];
}
