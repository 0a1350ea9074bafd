import type { SlackArguments } from './slack-arguments.ts';
import type { SlackState } from './slack-state.ts';
import type { Tier } from './slack-tiers.ts';

/** What the test may switch on the fake. */
export interface FakeSlackSwitches {
  /** True: chat.update with `file_ids` shares a new file with the channel. The real Slack was seen not to. */
  updateShares: boolean;
  /** How long a completed upload stays unusable. */
  fileDelayMs: number;
  /** Scopes that the app was installed with. */
  scopes: Set<string>;
  /** Streams answer `channel_type_not_supported` outside direct messages. */
  streamsInChannels: boolean;
  /** The workspace has agent features. */
  agentFeatures: boolean;
  tokenRevoked: boolean;
  /** Share of acknowledged envelopes that are delivered once more all the same. */
  redeliverShare: number;
  /** The workspace does not take files. */
  uploadsDisabled: boolean;
  /** Methods that answer this error instead of working. */
  failing: Map<string, string>;
  /** Methods whose next calls do their work and then answer HTTP 500. */
  brokenAnswers: Map<string, number>;
}

export interface MethodCall {
  readonly args: SlackArguments;
  readonly state: SlackState;
  readonly switches: FakeSlackSwitches;
  readonly baseUrl: string;
  /** Sends an event to the app. */
  readonly emit: (event: Readonly<Record<string, unknown>>) => void;
  readonly trigger: TriggerBook;
}

export interface TriggerBook {
  /** Throws 'expired_trigger_id', 'exchanged_trigger_id', 'invalid_trigger_id'; returns who pressed. */
  exchange(triggerId: string): string;
}

export interface SlackMethod {
  readonly tier: Tier;
  readonly args: readonly string[];
  /** One of these must be granted. */
  readonly scopes: (call: MethodCall) => readonly string[];
  readonly run: (call: MethodCall) => Readonly<Record<string, unknown>>;
}
