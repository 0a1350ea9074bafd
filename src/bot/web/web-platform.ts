import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../clock.ts';
import type { Desk, Invocation, MessageRef, Place, Principal, Reception, Surface } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';
import { conversationKeySchema } from '../../ids.ts';
import type { BlobStore, ModelStore } from '../../inference/contract.ts';
import type { Logger } from '../../logger.ts';
import { AfterAcks } from '../after-acks.ts';
import type { ChatPlatform, PlatformCapabilities, PlatformHealth } from '../contract.ts';
import { QuietTime } from '../quiet-time.ts';
import { isLoopback } from './web-guard.ts';
import { WebRooms } from './web-rooms.ts';
import { createWebServer } from './web-server.ts';
import { WebSessions, type WebVisitor } from './web-session.ts';
import { WebSurface } from './web-surface.ts';
import { type WireReception, wireMessage } from './wire-message.ts';

export interface WebPlatformOptions {
  readonly host: string;
  readonly port: number;
  readonly password: string | undefined;
  readonly ownerPassword: string | undefined;
  readonly dataDir: string;
  /** The built page. */
  readonly pageFolder: string;
  readonly blobs: BlobStore;
  readonly models: ModelStore;
  readonly defaults: { readonly textModel: string; readonly imageModel: string };
  readonly clock: Clock;
  /** For the moment of quiet after a rush; tests that stop `clock` let this one run. */
  readonly rushClock?: Clock;
  readonly logger: Logger;
  /** What /healthz tells; without secrets. */
  readonly health: () => object;
}

/** The page as a chat platform: what it receives goes to the same desk, what it shows comes through the same surfaces. */
export class WebPlatform implements ChatPlatform {
  readonly name = 'web';
  readonly capabilities: PlatformCapabilities = {
    maxText: 200_000,
    maxFileBytes: 64 * 1024 * 1024,
    ephemeral: true,
    threads: false,
    pictureEdit: 'in-place',
    stream: 'push',
    editGapMs: 60,
    tokenLifeMs: undefined,
  };
  readonly options: WebPlatformOptions;
  readonly rooms = new WebRooms();
  readonly #afterAcks = new AfterAcks();
  readonly #quiet: QuietTime;
  readonly sessions: WebSessions;
  #desk: Desk | undefined;
  #server: FastifyInstance | undefined;
  #isOpen = false;
  #address = '';

  constructor(options: WebPlatformOptions) {
    if (!isLoopback(options.host) && options.password === undefined) {
      throw new FrescoError('settings-invalid', {
        problems: [
          `FRESCO_HOST: found "${options.host}", which others can reach; expected FRESCO_PASSWORD beside it (8 characters or more), or FRESCO_HOST=127.0.0.1`,
        ],
      });
    }
    this.options = options;
    this.#quiet = new QuietTime(options.rushClock ?? options.clock);
    this.sessions = WebSessions.open(options.dataDir);
  }

  /** Where the page is, once started. */
  get address(): string {
    return this.#address;
  }

  async start(desk: Desk): Promise<void> {
    this.#desk = desk;
    this.#server = await createWebServer(this);
    const { host, port } = this.options;
    try {
      this.#address = await this.#server.listen({ host, port });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') throw new FrescoError('port-in-use', { port }, { cause: error });
      throw new FrescoError('platform-failed', { platform: 'web', operation: 'listen', reason: String(error) }, { cause: error });
    }
    this.#isOpen = true;
  }

  reopen(ref: MessageRef): Surface | undefined {
    const [user, conversation] = ref.channel.split('/');
    if (user === undefined || conversation === undefined) return undefined;
    return this.#surface(user, conversation, ref.message);
  }

  async closeIntake(): Promise<void> {
    this.#isOpen = false;
  }

  async stop(): Promise<void> {
    this.#isOpen = false;
    await this.#server?.close();
  }

  health(): PlatformHealth {
    return { platform: 'web', connected: this.#server?.server.listening === true };
  }

  get desk(): Desk {
    if (this.#desk === undefined) throw new FrescoError('shutting-down', {});
    return this.#desk;
  }

  /** Hands an invocation to the desk and begins the work it asks for. The answer is ready at once. */
  receive(invocation: Invocation, visitor: WebVisitor, conversation: string): WireReception {
    if (!this.#isOpen) throw new FrescoError('shutting-down', {});
    this.#quiet.asked();
    return this.#acknowledge(this.desk.receive(invocation), invocation, visitor, conversation);
  }

  #acknowledge(reception: Reception, invocation: Invocation, visitor: WebVisitor, conversation: string): WireReception {
    switch (reception.kind) {
      case 'answer':
        return { kind: 'answer', message: wireMessage(this.#envelope(newMessageId()), reception.message, undefined) };
      case 'work': {
        const pressed = invocation.kind === 'press' && reception.on === 'pressed' ? invocation.message.message : undefined;
        const parent = invocation.kind === 'chat' ? invocation.message : undefined;
        const id = pressed ?? newMessageId();
        const surface = this.#surface(visitor.user, conversation, id, parent);
        void this.#begin(reception, surface);
        return { kind: 'work', message: id };
      }
      case 'form':
        return reception;
      case 'silent':
      case 'ignored':
        return { kind: reception.kind };
      default:
        return reception satisfies never;
    }
  }

  /** After the acknowledgement, and after those of everybody who asked at the same time. */
  async #begin({ opening, run }: Extract<Reception, { kind: 'work' }>, surface: WebSurface): Promise<void> {
    await this.#quiet.come();
    await this.#afterAcks.turn();
    surface.show(opening);
    await run(surface).catch((error: unknown) => this.options.logger.error({ error }, 'a reply on the page failed'));
  }

  principal(visitor: WebVisitor, conversation: string): Principal {
    return {
      platform: 'web',
      workspace: '',
      channel: conversation,
      user: visitor.user,
      name: 'You',
      groups: [],
      isGuest: false,
      ...(visitor.isOwner ? { isOwner: true } : {}),
    };
  }

  place(visitor: WebVisitor, conversation: string): Place {
    return {
      platform: 'web',
      workspace: '',
      channel: conversation,
      parentChannel: conversation,
      direct: true,
      conversation: conversationKeySchema.parse(`web:${visitor.user}:${conversation}`),
      ageRestricted: false,
    };
  }

  #surface(user: string, conversation: string, id: string, parent?: string): WebSurface {
    const { clock } = this.options;
    return new WebSurface({ rooms: this.rooms, clock, user, conversation, envelope: this.#envelope(id, parent), gapMs: this.capabilities.editGapMs });
  }

  #envelope(id: string, parent?: string) {
    return { id, role: 'assistant' as const, speaker: 'Fresco', createdAtMs: this.options.clock.now(), parent };
  }
}

const newMessageId = (): string => randomBytes(12).toString('hex');
