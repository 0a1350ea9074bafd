import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { type Acknowledgement, ackLimitMs, type Envelope, eventRetries, type SlackDoor } from './slack-door.ts';
import { type SlackState, slackIds } from './slack-state.ts';

type Attempt = { readonly envelope: Envelope; readonly retry: number };

/** Slack's side of Socket Mode: one-time tickets, hello, envelopes with retries, and every way to lose the connection. */
export class SocketDoor implements SlackDoor {
  readonly #state: SlackState;
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #sockets: WebSocket[] = [];
  readonly #tickets = new Set<string>();
  readonly #waiting = new Map<string, (payload: Readonly<Record<string, unknown>>) => void>();
  readonly #unsent: Attempt[] = [];
  readonly #stop = new AbortController();
  readonly #redeliver: () => boolean;
  #next = 0;
  /** Real milliseconds from sending an envelope to its acknowledgement. */
  readonly ackTimesMs: number[] = [];
  /** Connections ever opened. */
  connections = 0;
  deliveries = 0;
  /** Swallows acknowledgements as if they were lost on the way. */
  losingAcks = false;

  constructor(state: SlackState, redeliver: () => boolean) {
    this.#state = state;
    this.#redeliver = redeliver;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  get open(): number {
    return this.#sockets.length;
  }

  newTicket(): string {
    const ticket = randomUUID();
    this.#tickets.add(ticket);
    return ticket;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ticket = new URL(request.url ?? '/', 'http://localhost').searchParams.get('ticket') ?? '';
    if (!this.#tickets.delete(ticket)) {
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (client) => this.#welcome(client));
  }

  #welcome(client: WebSocket): void {
    this.connections += 1;
    this.#sockets.push(client);
    client.on('message', (data) => this.#receive(String(data)));
    client.on('close', () => this.#forget(client));
    client.on('error', () => this.#forget(client));
    const hello = { type: 'hello', connection_info: { app_id: slackIds.app }, num_connections: this.#sockets.length, debug_info: { host: 'applink-1' } };
    client.send(JSON.stringify(hello));
    for (const attempt of this.#unsent.splice(0)) void this.#send(attempt);
  }

  #forget(client: WebSocket): void {
    const at = this.#sockets.indexOf(client);
    if (at >= 0) this.#sockets.splice(at, 1);
  }

  #receive(data: string): void {
    const frame: unknown = JSON.parse(data);
    const id = String(Reflect.get(Object(frame), 'envelope_id'));
    const payload: unknown = Reflect.get(Object(frame), 'payload');
    if (this.losingAcks) return;
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(typeof payload === 'object' && payload !== null ? { ...payload } : {});
  }

  deliver(envelope: Envelope): Promise<Acknowledgement> {
    return this.#send({ envelope, retry: 0 });
  }

  async #send({ envelope, retry }: Attempt): Promise<Acknowledgement> {
    const socket = this.#sockets[this.#next++ % Math.max(1, this.#sockets.length)];
    if (socket === undefined || socket.readyState !== WebSocket.OPEN) {
      if (envelope.type === 'events_api') this.#unsent.push({ envelope, retry });
      return undefined;
    }
    const acknowledgement = await this.#attempt(socket, { envelope, retry });
    if (acknowledgement === undefined && envelope.type === 'events_api' && retry < eventRetries) return this.#send({ envelope, retry: retry + 1 });
    if (acknowledgement !== undefined && retry === 0 && this.#redeliver()) void this.#send({ envelope, retry: 1 });
    return acknowledgement;
  }

  async #attempt(socket: WebSocket, { envelope, retry }: Attempt): Promise<Acknowledgement> {
    const id = randomUUID();
    const sentAtMs = performance.now();
    this.deliveries += 1;
    const acked = new Promise<Acknowledgement>((resolve) => {
      this.#waiting.set(id, (payload) => {
        this.ackTimesMs.push(performance.now() - sentAtMs);
        resolve({ payload });
      });
    });
    socket.send(
      JSON.stringify({
        ...envelope,
        envelope_id: id,
        accepts_response_payload: envelope.type !== 'events_api',
        ...(envelope.type === 'events_api' ? { retry_attempt: retry, retry_reason: retry > 0 ? 'timeout' : '' } : {}),
      }),
    );
    const late = new AbortController();
    const result = await Promise.race([acked, this.#state.clock.wait(ackLimitMs, AbortSignal.any([late.signal, this.#stop.signal])).then(() => undefined)]);
    late.abort();
    this.#waiting.delete(id);
    return result;
  }

  /** Ends every connection as Slack announces it. */
  disconnect(reason: 'warning' | 'refresh_requested' | 'link_disabled' | 'too_many_websockets'): void {
    for (const socket of [...this.#sockets]) socket.send(JSON.stringify({ type: 'disconnect', reason, debug_info: { host: 'applink-1' } }));
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.terminate();
  }

  stop(): void {
    this.#stop.abort();
    this.cut();
    this.#server.close();
  }
}
