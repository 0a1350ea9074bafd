import type { Clock } from '../../clock.ts';
import type { Picture } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { BlobStore } from '../../inference/contract.ts';
import { decodePicture, encodeJpeg } from '../../inference/image/image-codec.ts';
import type { Logger } from '../../logger.ts';
import { shortened } from './slack-blocks.ts';
import type { SlackClient, Urgency } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';

/** Slack scans an upload before it can be shown: asked first after this time, then ever more rarely. */
const firstPollMs = 300;
const pollGrowth = 1.5;
const usableWithinMs = 20_000;
const uploadTimeoutMs = 60_000;
const previewQuality = 80;
/** What an image block can show. */
const shownExtensions = new Set(['png', 'jpg', 'jpeg', 'gif']);

/** Uploads pictures, waits until Slack can show them, and deletes them when a better one is there. */
export class SlackFiles {
  readonly #client: SlackClient;
  readonly #blobs: BlobStore;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: { readonly client: SlackClient; readonly blobs: BlobStore; readonly clock: Clock; readonly logger: Logger }) {
    this.#client = options.client;
    this.#blobs = options.blobs;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Uploads a picture, private to the app, and resolves with its file id once it can be shown. Throws what Slack said, or 'platform-failed' when it never becomes usable. */
  async upload(picture: Picture, urgency: Urgency): Promise<string> {
    const { bytes, extension } = await this.#bytesOf(picture);
    const id = await this.#send(bytes, `${picture.source.kind === 'blob' ? 'picture' : 'preview'}.${extension}`, { alt: picture.alt, urgency });
    try {
      await this.#untilUsable(id, urgency);
    } catch (error) {
      void this.delete([id]);
      throw error;
    }
    return id;
  }

  /** Uploads without a message of ours: Slack itself posts the file into the channel. The last resort where an image block is refused. */
  async share(picture: Picture, spot: { readonly channel: string; readonly thread?: string }, comment: string): Promise<void> {
    const { bytes, extension } = await this.#bytesOf(picture);
    await this.#send(bytes, `picture.${extension}`, { alt: picture.alt, urgency: { priority: 'final' }, share: { spot, comment } });
  }

  /** Deletes files of ours, as far as they are still there. Never throws: a leftover file harms nobody. */
  async delete(ids: readonly string[]): Promise<void> {
    for (const file of ids) {
      try {
        await this.#client.call({ method: 'files.delete', priority: 'tidy' }, () => this.#client.web.files.delete({ file }));
      } catch (error) {
        this.#logger.debug({ code: slackFailure(error).code }, 'a superseded file stays');
      }
    }
  }

  async #bytesOf({ source }: Picture): Promise<{ readonly bytes: Uint8Array; readonly extension: string }> {
    if (source.kind === 'preview') {
      const { mediaType, bytes } = source.preview;
      return mediaType === 'image/webp' ? { bytes: await jpegOf(bytes), extension: 'jpg' } : { bytes, extension: mediaType === 'image/png' ? 'png' : 'jpg' };
    }
    const extension = source.blob.split('.').at(-1) ?? 'png';
    const bytes = await this.#blobs.get(source.blob);
    return shownExtensions.has(extension) ? { bytes, extension } : { bytes: await jpegOf(bytes), extension: 'jpg' };
  }

  async #send(
    bytes: Uint8Array,
    filename: string,
    {
      alt,
      urgency,
      share,
    }: { alt: string; urgency: Urgency; share?: { readonly spot: { readonly channel: string; readonly thread?: string }; readonly comment: string } },
  ): Promise<string> {
    const { web } = this.#client;
    const target = await this.#client.call({ method: 'files.getUploadURLExternal', ...urgency }, () =>
      web.files.getUploadURLExternal({ filename, length: bytes.length, ...(alt === '' ? {} : { alt_txt: shortened(alt, 1000) }) }),
    );
    const { upload_url: url, file_id: id } = target;
    if (url === undefined || id === undefined) throw uploadFailed('no upload address');
    const signals = [AbortSignal.timeout(uploadTimeoutMs), ...(urgency.signal === undefined ? [] : [urgency.signal])];
    const response = await fetch(url, {
      method: 'POST',
      body: Buffer.from(bytes),
      signal: AbortSignal.any(signals),
      headers: { 'content-type': 'application/octet-stream' },
    });
    await response.arrayBuffer();
    if (!response.ok) throw uploadFailed(`the upload was answered with ${response.status}`);
    const files: [{ id: string; title: string }] = [{ id, title: shortened(alt === '' ? filename : alt, 200) }];
    await this.#client.call({ method: 'files.completeUploadExternal', ...urgency }, () =>
      share === undefined
        ? web.files.completeUploadExternal({ files })
        : web.files.completeUploadExternal({
            files,
            channel_id: share.spot.channel,
            ...(share.spot.thread === undefined ? {} : { thread_ts: share.spot.thread }),
            initial_comment: share.comment,
          }),
    );
    return id;
  }

  async #untilUsable(file: string, urgency: Urgency): Promise<void> {
    const startedMs = this.#clock.now();
    for (let pauseMs = firstPollMs; ; pauseMs *= pollGrowth) {
      await this.#clock.wait(pauseMs, urgency.signal);
      if (urgency.signal?.aborted === true) throw urgency.signal.reason;
      const answer = await this.#client.call({ method: 'files.info', ...urgency }, () => this.#client.web.files.info({ file }));
      if ((answer.file?.mimetype ?? '') !== '' && (answer.file?.original_w !== undefined || answer.file?.thumb_64 !== undefined)) return;
      if (this.#clock.now() - startedMs > usableWithinMs) throw uploadFailed('the file did not become usable in time');
    }
  }

  /** True when Slack says that this channel's members can see the file. */
  async isSharedWith(file: string, channel: string): Promise<boolean> {
    const answer = await this.#client.call({ method: 'files.info', priority: 'progress' }, () => this.#client.web.files.info({ file }));
    const { channels = [], groups = [], ims = [], shares } = answer.file ?? {};
    return [...channels, ...groups, ...ims, ...Object.keys(shares?.public ?? {}), ...Object.keys(shares?.private ?? {})].includes(channel);
  }
}

const uploadFailed = (reason: string): FrescoError => new FrescoError('platform-failed', { platform: 'slack', operation: 'upload a picture', reason });

/** Slack's image blocks show no WebP. */
async function jpegOf(bytes: Uint8Array): Promise<Uint8Array> {
  return encodeJpeg(await decodePicture(bytes), previewQuality);
}
