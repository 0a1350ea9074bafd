import type { Message } from '../../commands/contract.ts';
import type { DiscordFailure } from './discord-failure.ts';

/** How the last state is shown: as it is, or in the way that Discord still takes. */
export interface Way {
  readonly maxFileBytes: number;
  readonly withPictures: boolean;
  /** Said under the text. */
  readonly remark?: string;
  /** Automatic moderation refused the text. */
  readonly isModerated?: boolean;
}

const smallestTryBytes = 512 * 1024;

/** The next way to show the last state after this refusal; undefined when there is none. */
export function wayAround(failure: DiscordFailure, way: Way, hasPictures: boolean): Way | undefined {
  const without = (remark: string): Way | undefined => (way.withPictures && hasPictures ? { ...way, withPictures: false, remark } : undefined);
  switch (failure.kind) {
    case 'token-expired':
    case 'too-old':
    case 'archived':
    case 'unavailable':
      return way;
    case 'too-large':
      return way.withPictures && way.maxFileBytes > smallestTryBytes
        ? { ...way, maxFileBytes: Math.floor(way.maxFileBytes / 4) }
        : without('The picture is too large for this server.');
    case 'forbidden':
      return without('I may not attach files in this channel. Somebody who manages the server can give me the permission “Attach Files”.');
    case 'refused':
      return without('Discord did not take the picture. Please tell the person who runs me.');
    case 'moderated':
      return way.isModerated === true ? undefined : { ...way, withPictures: false, isModerated: true };
    case 'gone':
    case 'late':
    case 'already-acknowledged':
    case 'rate-limited':
    case 'revoked':
      return undefined;
    default:
      return failure satisfies never;
  }
}

/** What is shown instead of a text that the server's rules hold back. */
export const moderated = (message: Message): Message => ({
  ...message,
  text: 'The moderation rules of this server do not let me show the answer.',
  pictures: [],
});

export const withRemark = (message: Message, { remark }: Way): Message =>
  remark === undefined ? message : { ...message, text: `${message.text}\n\n${remark}` };
