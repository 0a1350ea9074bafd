/** What Slack sends to an app. */
export interface Envelope {
  readonly type: 'events_api' | 'slash_commands' | 'interactive';
  readonly payload: Readonly<Record<string, unknown>>;
}
/** How the app acknowledged; undefined: not within three seconds. */
export type Acknowledgement = { readonly payload: Readonly<Record<string, unknown>> } | undefined;

/** One way into the app: Socket Mode or HTTP. */
export interface SlackDoor {
  deliver(envelope: Envelope): Promise<Acknowledgement>;
  /** Envelopes sent and not yet acknowledged. */
  readonly pending: number;
}

export const ackLimitMs = 3000;
/** Slack tries an event again so often. */
export const eventRetries = 3;
