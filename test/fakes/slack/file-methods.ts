import type { FakeSlackSwitches, MethodCall, SlackMethod } from './slack-method.ts';
import { refuseBlocks, SlackRefusal } from './slack-refusal.ts';
import { type FakeBlock, type FakeFile, type FakeMessage, filesInBlocks, type SlackState, slackIds } from './slack-state.ts';

const signatures = [
  ['image/png', '89504e47'],
  ['image/jpeg', 'ffd8ff'],
  ['image/gif', '47494638'],
  ['image/webp', '52494646'],
  ['application/pdf', '25504446'],
] as const;
const shownTypes = new Set(['image/png', 'image/jpeg', 'image/gif']);

function mediaTypeOf(bytes: Buffer): string {
  const head = bytes.subarray(0, 4).toString('hex');
  return signatures.find(([, start]) => head.startsWith(start))?.[0] ?? 'text/plain';
}

/** A completed upload is scanned first; only then it has a type and can be shown. */
export function isUsable(file: FakeFile, state: SlackState, switches: FakeSlackSwitches): boolean {
  return file.bytes !== undefined && file.completedAtMs !== undefined && !file.deleted && state.clock.now() >= file.completedAtMs + switches.fileDelayMs;
}

/** Throws the one error Slack has for all that is wrong with a file in a block. */
export function checkShownFiles(state: SlackState, blocks: readonly FakeBlock[], switches: FakeSlackSwitches): void {
  for (const [index, block] of blocks.entries()) {
    for (const id of filesInBlocks(block)) {
      const file = state.files.get(id);
      if (file === undefined || !isUsable(file, state, switches) || !shownTypes.has(mediaTypeOf(file.bytes ?? Buffer.alloc(0)))) {
        throw refuseBlocks('invalid slack file', `/blocks/${index}/slack_file`);
      }
    }
  }
}

/** Posting shares what its blocks show with the channel. */
export function shareFiles(state: SlackState, message: FakeMessage, channel: string): void {
  for (const id of filesInBlocks(message.blocks)) state.files.get(id)?.shares.add(channel);
}

function ownFile({ state, args }: MethodCall): FakeFile {
  const file = state.files.get(args.text('file'));
  if (file === undefined || (file.owner !== slackIds.bot && file.shares.size === 0)) throw new SlackRefusal('file_not_found');
  if (file.deleted) throw new SlackRefusal('file_deleted');
  return file;
}

/** A file as the Web API shows it to the app. */
export function fileAsSeen(
  file: FakeFile,
  state: SlackState,
  { switches, baseUrl }: Pick<MethodCall, 'switches' | 'baseUrl'>,
): Readonly<Record<string, unknown>> {
  const usable = isUsable(file, state, switches);
  const mimetype = usable && file.bytes !== undefined ? mediaTypeOf(file.bytes) : '';
  const kinds: Record<string, string[]> = { channels: [], groups: [], ims: [] };
  const kindOf = { public: 'channels', private: 'groups', im: 'ims', mpim: 'groups' } as const;
  for (const id of file.shares) kinds[kindOf[state.channels.get(id)?.kind ?? 'public']]?.push(id);
  return {
    id: file.id,
    name: file.name,
    user: file.owner,
    mimetype,
    filetype: mimetype.split('/')[1] ?? '',
    size: file.bytes?.length ?? 0,
    url_private: `${baseUrl}/files/${file.id}`,
    url_private_download: `${baseUrl}/files/${file.id}`,
    ...(usable && mimetype.startsWith('image/') ? { original_w: 512, original_h: 512 } : {}),
    ...kinds,
    shares: usable ? Object.fromEntries([...file.shares].map((id) => [id, []])) : {},
  };
}

const getUploadUrl: SlackMethod = {
  tier: 4,
  args: ['filename', 'length', 'alt_txt', 'snippet_type'],
  scopes: () => ['files:write'],
  run: ({ args, state, switches, baseUrl }) => {
    if (switches.uploadsDisabled) throw new SlackRefusal('file_uploads_disabled');
    const length = args.number('length', 0);
    if (length <= 0 || !/\.[a-z0-9]+$/.test(args.text('filename'))) throw new SlackRefusal('missing_argument');
    const altText = args.optionalText('alt_txt') ?? '';
    if (altText.length > 1000) throw new SlackRefusal('alt_txt_too_large');
    const id = state.nextId('F');
    state.files.set(id, {
      id,
      name: args.text('filename'),
      owner: slackIds.bot,
      declaredLength: length,
      altText,
      bytes: undefined,
      completedAtMs: undefined,
      deleted: false,
      shares: new Set(),
    });
    return { upload_url: `${baseUrl}/upload/${id}`, file_id: id };
  },
};

const completeUpload: SlackMethod = {
  tier: 4,
  args: ['files', 'channel_id', 'thread_ts', 'initial_comment'],
  scopes: () => ['files:write'],
  run: (call) => {
    const { args, state } = call;
    const wanted = args.json('files');
    if (!Array.isArray(wanted) || wanted.length === 0) throw new SlackRefusal('invalid_arguments');
    const channel = args.has('channel_id') ? state.channelForApp(args.text('channel_id')) : undefined;
    const files = wanted.map((entry: unknown) => {
      const file = state.files.get(String(Reflect.get(Object(entry), 'id')));
      if (file?.bytes === undefined || file.completedAtMs !== undefined) throw new SlackRefusal('file_not_found');
      file.completedAtMs = state.clock.now();
      if (channel !== undefined) file.shares.add(channel.id);
      return file;
    });
    if (channel !== undefined) {
      state.add({
        channel: channel.id,
        user: slackIds.bot,
        byBot: true,
        text: args.optionalText('initial_comment') ?? '',
        threadTs: args.optionalText('thread_ts'),
        files: files.map(({ id }) => id),
      });
    }
    return { files: files.map((file) => fileAsSeen(file, state, call)) };
  },
};

const info: SlackMethod = {
  tier: 4,
  args: ['file'],
  scopes: () => ['files:read'],
  run: (call) => ({ file: fileAsSeen(ownFile(call), call.state, call) }),
};

const remove: SlackMethod = {
  tier: 3,
  args: ['file'],
  scopes: () => ['files:write'],
  run: (call) => {
    const file = ownFile(call);
    if (file.owner !== slackIds.bot) throw new SlackRefusal('cant_delete_file');
    file.deleted = true;
    return {};
  },
};

export const fileMethods: Readonly<Record<string, SlackMethod>> = {
  'files.getUploadURLExternal': getUploadUrl,
  'files.completeUploadExternal': completeUpload,
  'files.info': info,
  'files.delete': remove,
};
