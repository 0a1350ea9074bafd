import { metadataType, type SlackClient, type SlackLine, type SlackMessageId, type SlackSpot } from './slack-client.ts';

export interface Leftovers {
  /** Previews that belong to the anchor. */
  readonly previews: readonly SlackMessageId[];
  /** Our messages that follow the person's, up to where somebody else speaks. */
  readonly answer: readonly SlackMessageId[];
}

/** What a run that was killed left in this place. Throws what Slack said. */
export async function leftovers(
  { client, botUser }: { readonly client: SlackClient; readonly botUser: string },
  { spot, anchor, answers }: { readonly spot: SlackSpot; readonly anchor: string | undefined; readonly answers: string | undefined },
): Promise<Leftovers> {
  const oldest = anchor ?? answers;
  const lines = await client.recent(spot, oldest === undefined ? {} : { oldest });
  const ours = (line: SlackLine): boolean => line.user === botUser;
  const idsOf = (found: readonly SlackLine[]): SlackMessageId[] => found.flatMap(({ ts }) => (ts === undefined ? [] : [{ channel: spot.channel, ts }]));
  const after = lines.filter(({ ts }) => answers !== undefined && (ts ?? '') > answers);
  const end = after.findIndex((line) => !ours(line));
  return {
    previews: anchor === undefined ? [] : idsOf(lines.filter((line) => ours(line) && isPreviewOf(line, anchor))),
    answer: idsOf(end < 0 ? after : after.slice(0, end)),
  };
}

function isPreviewOf({ metadata }: SlackLine, anchor: string): boolean {
  if (metadata?.event_type !== metadataType || metadata.event_payload === undefined) return false;
  return Reflect.get(metadata.event_payload, 'role') === 'preview' && Reflect.get(metadata.event_payload, 'anchor') === anchor;
}
