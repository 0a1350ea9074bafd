import type { Server } from 'node:http';
import { ActivityType, GatewayCloseCodes, GatewayIntentBits, GatewayOpcodes } from 'discord-api-types/v10';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { guildJson, type Reader, userJson } from './payloads.ts';
import type { World } from './world.ts';

const frameSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal(GatewayOpcodes.Heartbeat), d: z.number().nullable() }),
  z.object({
    op: z.literal(GatewayOpcodes.Identify),
    d: z.object({ token: z.string(), intents: z.int(), shard: z.tuple([z.int(), z.int()]), presence: z.unknown().optional() }),
  }),
  z.object({ op: z.literal(GatewayOpcodes.Resume), d: z.object({ token: z.string(), session_id: z.string(), seq: z.number() }) }),
  z.object({
    op: z.literal(GatewayOpcodes.PresenceUpdate),
    d: z.object({
      status: z.enum(['online', 'idle', 'dnd', 'invisible']),
      activities: z.array(z.object({ name: z.string().max(128), type: z.enum(ActivityType), state: z.string().max(128).nullable().optional() })).max(1),
      since: z.number().nullable(),
      afk: z.boolean(),
    }),
  }),
]);

interface Session extends Reader {
  readonly id: string;
  readonly shard: readonly [number, number];
  readonly log: { readonly seq: number; readonly frame: string }[];
  seq: number;
  socket: WebSocket | undefined;
}

export interface Dispatch {
  readonly event: string;
  /** The server it happens in; undefined for direct messages, which go to shard 0. */
  readonly guildId: string | undefined;
  /** The intent a session needs; undefined: none. */
  readonly intent?: GatewayIntentBits;
  readonly data: (reader: Reader) => object;
}

const privilegedFlag = 1 << 18;
const limitedFlag = 1 << 19;

/** The gateway: hello, identify, heartbeats, dispatches with sequence numbers, resume with replay. */
export class GatewayServer {
  readonly #world: World;
  readonly #server: WebSocketServer;
  readonly #sessions: Session[] = [];
  readonly #sockets = new Set<WebSocket>();
  /** What the next resume meets. */
  refuseResumes = false;
  presence: string | undefined;
  identifies = 0;
  shards = 1;

  constructor(world: World, http: Server) {
    this.#world = world;
    this.#server = new WebSocketServer({ server: http });
    this.#server.on('connection', (socket) => this.#greet(socket));
  }

  get connections(): number {
    return this.#sessions.filter(({ socket }) => socket !== undefined).length;
  }

  dispatch({ event, guildId, intent, data }: Dispatch): void {
    for (const session of this.#sessions) {
      const [shard, count] = session.shard;
      if (shard !== (guildId === undefined ? 0 : Number((BigInt(guildId) >> 22n) % BigInt(count)))) continue;
      if (intent !== undefined && (session.intents & intent) === 0) continue;
      this.#send(session, event, data(session));
    }
    this.#world.timeline.add({ kind: 'dispatch', event });
  }

  /** Sends the last dispatches of every session again, as after a hiccup. */
  repeatLast(count: number): void {
    for (const session of this.#sessions) for (const { frame } of session.log.slice(-count)) session.socket?.send(frame);
  }

  /** Drops the connections with this close code. */
  disconnect(code: number): void {
    for (const session of this.#sessions) session.socket?.close(code);
  }

  /** Op 7: asks everyone to reconnect. */
  askToReconnect(): void {
    for (const session of this.#sessions) session.socket?.send(JSON.stringify({ op: GatewayOpcodes.Reconnect, d: null, s: null, t: null }));
  }

  /** Op 9. */
  invalidateSessions(isResumable: boolean): void {
    for (const session of this.#sessions) session.socket?.send(JSON.stringify({ op: GatewayOpcodes.InvalidSession, d: isResumable, s: null, t: null }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #greet(socket: WebSocket): void {
    this.#sockets.add(socket);
    let session: Session | undefined;
    socket.on('close', (code) => {
      this.#sockets.delete(socket);
      if (session?.socket === socket) session.socket = undefined;
      this.#world.timeline.add({ kind: 'gateway', what: `closed ${code}` });
    });
    socket.on('message', (raw) => {
      const parsed = frameSchema.safeParse(parse(raw.toString()));
      if (!parsed.success) return socket.close(GatewayCloseCodes.DecodeError);
      const { op, d } = parsed.data;
      if (op === GatewayOpcodes.Heartbeat) return socket.send(JSON.stringify({ op: GatewayOpcodes.HeartbeatAck, d: null, s: null, t: null }));
      if (op === GatewayOpcodes.PresenceUpdate) {
        this.presence = d.activities[0]?.state ?? d.activities[0]?.name;
        this.#world.timeline.add({ kind: 'gateway', what: `presence ${this.presence ?? ''}` });
        return;
      }
      session = op === GatewayOpcodes.Identify ? this.#identify(socket, d) : this.#resume(socket, d);
    });
    socket.send(JSON.stringify({ op: GatewayOpcodes.Hello, d: { heartbeat_interval: 41_250 }, s: null, t: null }));
  }

  #identify(socket: WebSocket, d: { readonly token: string; readonly intents: number; readonly shard: readonly [number, number] }): Session | undefined {
    const world = this.#world;
    this.identifies += 1;
    world.timeline.add({ kind: 'gateway', what: `identify ${d.intents}` });
    if (d.token !== world.token) {
      socket.close(GatewayCloseCodes.AuthenticationFailed);
      return undefined;
    }
    if ((d.intents & GatewayIntentBits.MessageContent) !== 0 && (world.applicationFlags & (privilegedFlag | limitedFlag)) === 0) {
      socket.close(GatewayCloseCodes.DisallowedIntents);
      return undefined;
    }
    const session: Session = { id: `session-${world.mint.next()}`, intents: d.intents, shard: d.shard, log: [], seq: 0, socket };
    this.#sessions.push(session);
    const [shard, count] = d.shard;
    const guilds = [...world.guilds.values()].filter((guild) => guild.hasBot && Number((BigInt(guild.id) >> 22n) % BigInt(count)) === shard);
    this.#send(session, 'READY', {
      v: 10,
      user: { ...userJson(world.user(world.botId)), bot: true },
      guilds: guilds.map(({ id }) => ({ id, unavailable: true })),
      session_id: session.id,
      resume_gateway_url: world.origin.replace('http', 'ws'),
      shard: d.shard,
      application: { id: world.applicationId, flags: world.applicationFlags },
    });
    for (const guild of guilds) this.#send(session, 'GUILD_CREATE', guildJson(world, guild));
    return session;
  }

  #resume(socket: WebSocket, d: { readonly token: string; readonly session_id: string; readonly seq: number }): Session | undefined {
    const session = this.#sessions.find(({ id }) => id === d.session_id);
    this.#world.timeline.add({ kind: 'gateway', what: 'resume' });
    if (this.refuseResumes || session === undefined || d.token !== this.#world.token) {
      socket.send(JSON.stringify({ op: GatewayOpcodes.InvalidSession, d: false, s: null, t: null }));
      return undefined;
    }
    session.socket = socket;
    for (const { seq, frame } of session.log) if (seq > d.seq) socket.send(frame);
    this.#send(session, 'RESUMED', {});
    return session;
  }

  #send(session: Session, event: string, data: object): void {
    session.seq += 1;
    const frame = JSON.stringify({ op: GatewayOpcodes.Dispatch, t: event, s: session.seq, d: data });
    session.log.push({ seq: session.seq, frame });
    session.socket?.send(frame);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
