import { randomUUID } from 'node:crypto';
import type { types } from '@slack/bolt';
import type { PictureRecord } from '../../commands/contract.ts';
import { button, contextBlock, mrkdwnSections, noticeView, shortened } from './slack-blocks.ts';
import { slackFailure } from './slack-failure.ts';
import { formOpener, type IntakeTools, receive } from './slack-intake.ts';
import { escapeSlack } from './slack-mrkdwn.ts';
import type { notice } from './slack-reception.ts';

const recentPictures = 6;
const promptLength = 120;
const homeButtons = { paint: 'home-imagine', queue: 'home-queue', settings: 'home-settings', help: 'home-help', refresh: 'home-refresh' } as const;

interface ShownPicture {
  readonly record: PictureRecord;
  readonly file: string | undefined;
}

/** The Home tab: the person's recent pictures, the queue, and what they can set. */
export class SlackHome {
  readonly #tools: IntakeTools;

  constructor(tools: IntakeTools) {
    this.#tools = tools;
  }

  /** Writes the tab anew for this person. Never throws: an old tab harms nobody. */
  async publish(user: string): Promise<void> {
    const { client, logger } = this.#tools;
    try {
      const pictures = await this.#pictures(user);
      const send = (withImages: boolean): Promise<unknown> =>
        client.call({ method: 'views.publish', priority: 'progress' }, () =>
          client.web.views.publish({ user_id: user, view: { type: 'home', blocks: this.#blocks(pictures, withImages) } }),
        );
      // a picture that Slack does not find any more must not take the whole tab with it
      await send(true).catch((error: unknown) =>
        slackFailure(error).code.startsWith('invalid') || slackFailure(error).kind === 'file-not-ready' ? send(false) : Promise.reject(error),
      );
    } catch (error) {
      logger.warn({ code: slackFailure(error).code }, 'the Home tab could not be written');
    }
  }

  async pressed(actionId: string, { user, trigger }: { user: string; trigger: string | undefined }): Promise<void> {
    if (actionId === homeButtons.refresh) return await this.publish(user);
    const name = Object.values(homeButtons)
      .find((known) => known === actionId)
      ?.replace('home-', '');
    if (name === undefined || trigger === undefined) return;
    const { people, rooms, clock, client } = this.#tools;
    const principal = await people.principal(user, user);
    const whisper = async (rendered: ReturnType<typeof notice>): Promise<void> => {
      await client.call({ method: 'views.open', priority: 'first' }, () =>
        client.web.views.open({ trigger_id: trigger, view: noticeView('Fresco', rendered.text) }),
      );
    };
    await receive(this.#tools, {
      invocation: {
        kind: 'typed',
        command: name,
        text: '',
        attachments: [],
        principal,
        place: rooms.freshPlace(user, randomUUID()),
        receivedAtMs: clock.now(),
      },
      // answers come as a modal over the tab; only a form leads on, into the direct message
      surface: { spot: { channel: user }, direct: false },
      whisper,
      openForm: formOpener(this.#tools, trigger, { channel: user, direct: true }),
    });
  }

  async #pictures(user: string): Promise<readonly ShownPicture[]> {
    const { desk, people } = this.#tools;
    const records = await desk.library.pictures(await people.principal(user, user), recentPictures);
    return await Promise.all(records.map(async (record) => ({ record, file: await this.#fileOf(record) })));
  }

  /** The file that shows a picture, found in its message. */
  async #fileOf({ ref, blob }: PictureRecord): Promise<string | undefined> {
    if (ref === undefined || ref.platform !== 'slack') return undefined;
    const spot = ref.thread === undefined ? { channel: ref.channel } : { channel: ref.channel, thread: ref.thread };
    const lines = await this.#tools.client.recent(spot, { oldest: ref.message, latest: ref.message, limit: 1 }).catch(() => []);
    const ids = lines.flatMap(({ blocks = [] }) => blocks.map(({ block_id }) => block_id ?? ''));
    return ids.map((id) => (id.startsWith(`picture:${blob}:`) ? id.slice(`picture:${blob}:`.length) : undefined)).find((file) => file !== undefined);
  }

  #blocks(pictures: readonly ShownPicture[], withImages: boolean): types.KnownBlock[] {
    return [
      { type: 'header', text: { type: 'plain_text', text: 'Fresco' } },
      ...mrkdwnSections('Write to me in a direct message, mention me in a channel, or use `/fresco help`.'),
      this.#buttons(),
      { type: 'divider' },
      { type: 'section', text: { type: 'mrkdwn', text: `*Queue*\n${this.#queueLine()}` } },
      { type: 'section', text: { type: 'mrkdwn', text: `*Settings*\n${this.#settingsLine()}` } },
      { type: 'divider' },
      { type: 'section', text: { type: 'mrkdwn', text: '*Your recent pictures*' } },
      ...(pictures.length === 0 ? [contextBlock('None yet. Press _Paint a picture_.')] : pictures.map((picture) => this.#pictureBlock(picture, withImages))),
    ];
  }

  #buttons(): types.ActionsBlock {
    const plain = { style: 'secondary' as const };
    return {
      type: 'actions',
      elements: [
        button({ id: 'imagine', label: 'Paint a picture', emoji: '🎨', style: 'primary' }, homeButtons.paint),
        button({ id: 'queue', label: 'Queue', ...plain }, homeButtons.queue),
        button({ id: 'settings', label: 'My settings', ...plain }, homeButtons.settings),
        button({ id: 'help', label: 'Help', ...plain }, homeButtons.help),
        button({ id: 'refresh', label: 'Refresh', ...plain }, homeButtons.refresh),
      ],
    };
  }

  #queueLine(): string {
    const { waiting, running, paused } = this.#tools.desk.pulse();
    if (paused) return 'Paused by an admin.';
    return running === 0 && waiting === 0 ? 'Nobody waits.' : `${running} running, ${waiting} waiting`;
  }

  #settingsLine(): string {
    const { settings } = this.#tools;
    const previews = {
      repost: 'Pictures are posted anew while they sharpen.',
      'in-place': 'Pictures sharpen in place.',
      'final-only': 'Pictures are shown when they are finished.',
    } as const;
    const threads = settings.chat.answerInThreads ? 'In my own threads I answer without a mention.' : 'In threads I answer when mentioned.';
    return `${previews[settings.slack.pictureEdit]} ${threads}`;
  }

  #pictureBlock({ record, file }: ShownPicture, withImages: boolean): types.SectionBlock {
    const prompt = escapeSlack(shortened(record.prompt, promptLength));
    const day = new Date(record.createdAtMs).toISOString().slice(0, 10);
    const { ref } = record;
    const link =
      ref === undefined
        ? ''
        : `\n<${this.#tools.workspaceUrl}archives/${ref.channel}/p${ref.message.replace('.', '')}${ref.thread === undefined ? '' : `?thread_ts=${ref.thread}`}|Open>`;
    return {
      type: 'section',
      text: { type: 'mrkdwn', text: `*${prompt}*\n${record.width} × ${record.height} · ${day}${link}` },
      ...(withImages && file !== undefined
        ? { accessory: { type: 'image' as const, slack_file: { id: file }, alt_text: shortened(record.prompt, 1900) } }
        : {}),
    };
  }
}
