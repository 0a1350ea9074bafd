import type { Finding } from '../finding.ts';
import { openWebClient } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';
import type { SlackLogin } from './slack-platform.ts';

/** A grey square, 64 pixels a side. */
const squarePng = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAMAAACdt4HsAAAAA1BMVEWAiJBFGqddAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAG0lEQVRYw+3BgQAAAADDoPlT3+AEVQEAAAB8AxBAAAEZszF2AAAAAElFTkSuQmCC',
  'base64',
);
const pollMs = 700;
const polls = 30;

const systemWait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Finds out whether a picture that a message gets by an update is shared with the channel: posts a message there, gives it a picture by
 * `chat.update`, asks Slack who may see the file, and takes both away again. Never throws.
 */
export async function slackSelftest(login: SlackLogin, channel: string, wait = systemWait): Promise<readonly Finding[]> {
  const check = 'Pictures in place';
  const web = openWebClient(login.botToken, login.apiUrl);
  let ts: string | undefined;
  let file: string | undefined;
  try {
    ({ ts } = await web.chat.postMessage({
      channel,
      text: 'Fresco tries something; this message goes in a moment.',
      unfurl_links: false,
      unfurl_media: false,
    }));
    file = await upload(web, wait);
    await web.chat.update({
      channel,
      ts: ts ?? '',
      text: 'Fresco tries something: a picture by update.',
      file_ids: [file],
      blocks: [{ type: 'image', block_id: `selftest-${file}`, slack_file: { id: file }, alt_text: 'A grey square' }],
    });
    const { channels = [], groups = [], ims = [] } = (await web.files.info({ file })).file ?? {};
    const isShared = [...channels, ...groups, ...ims].includes(channel);
    return [
      isShared
        ? { check, state: 'good', found: 'this workspace shares a picture that came by an update: "slack": {"pictureEdit": "in-place"} works here' }
        : {
            check,
            state: 'note',
            found: 'a picture that came by an update is not shared with the channel: others would see a broken tile',
            mend: 'keep "slack": {"pictureEdit": "repost"}',
          },
    ];
  } catch (error) {
    const { code, needed } = slackFailure(error);
    return [
      {
        check,
        state: 'bad',
        found: needed === undefined ? code : `${code}: ${needed}`,
        mend: 'invite the bot into the channel, give its id (C…), and run `fresco doctor`',
      },
    ];
  } finally {
    if (file !== undefined) await web.files.delete({ file }).catch(() => undefined);
    if (ts !== undefined) await web.chat.delete({ channel, ts }).catch(() => undefined);
  }
}

async function upload(web: ReturnType<typeof openWebClient>, wait: (ms: number) => Promise<void>): Promise<string> {
  const { upload_url: url, file_id: id } = await web.files.getUploadURLExternal({ filename: 'selftest.png', length: squarePng.length });
  if (url === undefined || id === undefined) throw new Error('no upload address');
  await fetch(url, { method: 'POST', body: squarePng });
  await web.files.completeUploadExternal({ files: [{ id, title: 'selftest' }] });
  for (let poll = 0; poll < polls; poll += 1) {
    await wait(pollMs);
    if (((await web.files.info({ file: id })).file?.mimetype ?? '') !== '') return id;
  }
  throw new Error('the file did not become usable');
}
