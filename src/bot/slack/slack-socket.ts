import { SocketModeReceiver } from '@slack/bolt';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { boltLogger } from './bolt-logger.ts';
import { slackFailure } from './slack-failure.ts';

/** Between tries to come back: at once after Slack asked for it, then ever longer. */
const firstRetryMs = 500;
const longestRetryMs = 30_000;
const retryGrowth = 1.5;
/** The client itself waits for Slack's hello without end. */
const helloWithinMs = 30_000;

export interface SlackSocketOptions {
  readonly appToken: string;
  readonly apiUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly boltLogger: ReturnType<typeof boltLogger>;
}

/**
 * The socket to Slack. The client's own reconnecting leaves a gap of five seconds and, when a retry is refused, an unhandled rejection that
 * ends the process: so it is switched off here, and this loop comes back for ever.
 */
export class SlackSocket {
  readonly receiver: SocketModeReceiver;
  readonly #options: SlackSocketOptions;
  readonly #stop = new AbortController();
  #connected = false;
  #wake: () => void = () => {};
  #problem: string | undefined;

  constructor(options: SlackSocketOptions) {
    this.#options = options;
    this.receiver = new SocketModeReceiver({
      appToken: options.appToken,
      autoReconnectEnabled: false,
      logger: options.boltLogger,
      customRoutes: [],
      installerOptions: { clientOptions: { slackApiUrl: options.apiUrl, timeout: 15_000, rejectRateLimitedCalls: true, retryConfig: { retries: 0 } } },
    });
    this.receiver.client.on('connected', () => {
      this.#connected = true;
      this.#problem = undefined;
    });
    this.receiver.client.on('disconnected', () => {
      this.#connected = false;
      this.#wake();
    });
    this.receiver.client.on('ws_message', (data: unknown) => this.#notice(String(data)));
  }

  get connected(): boolean {
    return this.#connected;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves when connected; throws what Slack said to the first try. From then on it keeps the connection up until `stop`. */
  async start(): Promise<void> {
    await this.#connect();
    void this.#keepUp();
  }

  async #connect(): Promise<void> {
    const { client } = this.receiver;
    const late = new AbortController();
    const tooLate = this.#options.clock.wait(helloWithinMs, AbortSignal.any([late.signal, this.#stop.signal])).then(() => {
      if (!late.signal.aborted && !this.#stop.signal.aborted) void client.disconnect(); // which rejects the start below
    });
    try {
      await client.start();
    } finally {
      late.abort();
      await tooLate;
    }
  }

  async #keepUp(): Promise<void> {
    for (let pauseMs = 0; !this.#stop.signal.aborted; ) {
      if (this.#connected) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        pauseMs = 0;
        continue;
      }
      await this.#options.clock.wait(pauseMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#connect();
      } catch (error) {
        const { code, kind } = slackFailure(error);
        if (kind === 'login') this.#problem = `Slack refuses SLACK_APP_TOKEN (${code}).`;
        this.#options.logger.warn({ code }, 'the socket to Slack could not be opened; trying again');
        pauseMs = Math.min(longestRetryMs, Math.max(firstRetryMs, pauseMs * retryGrowth));
      }
    }
  }

  /** Slack says in its frames why it hangs up, and how many of us there are. */
  #notice(data: string): void {
    const isCutOff = /"type"\s*:\s*"disconnect"/.test(data);
    if (isCutOff && data.includes('"link_disabled"')) this.#problem = 'Socket Mode is switched off in the settings of the Slack app.';
    if (isCutOff && data.includes('"too_many_websockets"')) this.#problem = 'Too many processes use the same Slack tokens.';
    const others = /"type"\s*:\s*"hello"[\s\S]*"num_connections"\s*:\s*(\d+)/.exec(data)?.[1];
    if (others !== undefined && Number(others) > 1) {
      this.#options.logger.warn({ connections: Number(others) }, 'another process uses the same Slack tokens and takes a part of the events');
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    if (this.#connected) await this.receiver.client.disconnect().catch(() => undefined);
    this.#connected = false;
  }
}
