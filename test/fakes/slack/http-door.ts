import { createHmac } from 'node:crypto';
import type { Clock } from '../../../src/clock.ts';
import type { Acknowledgement, Envelope, SlackDoor } from './slack-door.ts';

export interface SignedRequest {
  readonly body: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Slack's side of HTTP mode: signed requests to the app's public address. */
export class HttpDoor implements SlackDoor {
  readonly #url: string;
  readonly #secret: string;
  readonly #clock: Clock;
  pending = 0;

  constructor(options: { readonly url: string; readonly secret: string; readonly clock: Clock }) {
    this.#url = options.url;
    this.#secret = options.secret;
    this.#clock = options.clock;
  }

  async deliver(envelope: Envelope): Promise<Acknowledgement> {
    const response = await this.send(requestOf(envelope));
    const text = await response.text();
    if (!response.ok) return undefined;
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    return { payload: isJson && text !== '' ? { ...Object(JSON.parse(text)) } : text === '' ? {} : { text } };
  }

  /** Sends with a right signature, unless `secret` or `timestampS` say otherwise. */
  async send({ body, contentType, headers }: SignedRequest, forged: { readonly secret?: string; readonly timestampS?: number } = {}): Promise<Response> {
    const timestamp = String(forged.timestampS ?? Math.floor(this.#clock.now() / 1000));
    const signature = createHmac('sha256', forged.secret ?? this.#secret)
      .update(`v0:${timestamp}:${body}`)
      .digest('hex');
    this.pending += 1;
    try {
      return await fetch(this.#url, {
        method: 'POST',
        body,
        headers: { 'content-type': contentType, 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `v0=${signature}`, ...headers },
      });
    } finally {
      this.pending -= 1;
    }
  }
}

/** An envelope as HTTP mode carries it: events as JSON, the rest as forms. */
export function requestOf({ type, payload }: Envelope): SignedRequest {
  if (type === 'events_api') return { body: JSON.stringify(payload), contentType: 'application/json' };
  const fields =
    type === 'interactive' ? { payload: JSON.stringify(payload) } : Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, String(value)]));
  return { body: new URLSearchParams(fields).toString(), contentType: 'application/x-www-form-urlencoded' };
}
