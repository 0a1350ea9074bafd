import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { PictureStrategy } from './picture-strategy.ts';
import type { SlackAssistant } from './slack-assistant.ts';
import type { SlackClient, SlackMessageId, SlackSpot } from './slack-client.ts';
import type { SlackFailure } from './slack-failure.ts';
import type { SlackFiles } from './slack-files.ts';
import type { StreamSupport } from './slack-stream.ts';
import type { SurfaceBook } from './surface-book.ts';

/** What all surfaces of a workspace share. */
export interface SurfaceTools {
  readonly client: SlackClient;
  readonly files: SlackFiles;
  readonly book: SurfaceBook;
  readonly assistant: SlackAssistant;
  readonly streams: StreamSupport;
  readonly strategy: PictureStrategy;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Known once logged in. */
  readonly identity: { botUser: string | undefined };
}

export interface SlackSurfaceOptions {
  readonly spot: SlackSpot;
  readonly direct: boolean;
  /** Who asked, for native streams; absent: no native stream. */
  readonly recipient?: { readonly user: string; readonly team: string };
  /** A line above the answer to a slash command, which Slack itself does not show. */
  readonly header?: string;
  /** A message that is there already: after a restart, or the one whose button was pressed. */
  readonly existing?: { readonly id: SlackMessageId; readonly filesByBlob: ReadonlyMap<string, string> };
  /** The message of the person, by which an answer that is not there yet is found again. */
  readonly answers?: string;
  /** After a restart: what the last run left in this place is looked for before anything is shown. */
  readonly adopt?: boolean;
  /** The first post was refused: tells the person why. */
  readonly onUnpostable?: (failure: SlackFailure) => void;
}
