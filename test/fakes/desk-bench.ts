import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/clock.ts';
import type { Attachment, Desk, Invocation, MenuName, Message, MessageRef, OptionValue, Place, Principal, Reception } from '../../src/commands/contract.ts';
import { createDesk } from '../../src/commands/desk.ts';
import type { DeskOptions } from '../../src/commands/desk-tools.ts';
import { inMemory, openSqlStore } from '../../src/commands/store/sql-store.ts';
import type { Store } from '../../src/commands/store/store.ts';
import { FrescoError } from '../../src/fresco-error.ts';
import { conversationKeySchema, seedSchema } from '../../src/ids.ts';
import type { BlobStore, ImageRequest, ModelInfo, ModelStore } from '../../src/inference/contract.ts';
import { MemoryJobQueue, type MemoryJobQueueOptions } from '../../src/inference/jobs/memory-job-queue.ts';
import { silentLogger } from '../../src/logger.ts';
import { loadSettings, type Settings } from '../../src/settings.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeSurface } from './fake-surface.ts';
import { MemoryBlobStore } from './memory-blob-store.ts';
import { type RunScript, type ScriptedRun, ScriptedRunner } from './scripted-runner.ts';

export interface DeskBenchOverrides {
  /** As the owner would write it into config/fresco.json. */
  readonly settings?: object;
  readonly clock?: Clock;
  /** What each run does by itself; without one the test opens the gates (`await bench.runner.nextRun()`). */
  readonly script?: RunScript;
  readonly store?: Store;
  readonly blobs?: BlobStore;
  readonly models?: readonly ModelInfo[];
  readonly lanes?: MemoryJobQueueOptions['lanes'];
  readonly desk?: Partial<Pick<DeskOptions, 'checkImage' | 'painterConcepts' | 'samplers' | 'logger'>>;
}
export interface DeskBench extends AsyncDisposable {
  readonly desk: Desk;
  readonly queue: MemoryJobQueue;
  readonly runner: ScriptedRunner;
  readonly clock: Clock;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly models: ModelStore;
  readonly settings: Settings;
  /** Somebody on the fake platform; `person('ana')` twice is the same person. */
  person(user: string, about?: Partial<Principal>): FakePerson;
  /** The process was killed and started again: a new queue, runner and desk over what was stored. */
  restarted(overrides?: Pick<DeskBenchOverrides, 'script' | 'settings'>): Promise<DeskBench>;
}

/**
 * A real desk for tests: SQLite in memory, the real MemoryJobQueue, a ScriptedRunner instead of models, a FakeClock.
 *
 *     await using bench = await openDeskBench({ script: playing() });        // every job runs by itself, at once
 *     await using bench = await openDeskBench();                             // or the test opens the gates:
 *     const run = await bench.runner.nextRun();                              //   the next job that began
 *     run.emit({ type: 'text-delta', text: 'Hi', tokenIds: [1] });
 *     run.finish();
 *
 * A platform's test hands `bench.desk` to the platform under test. A test of the desk itself speaks through people:
 *
 *     const { surface } = bench.person('ana').chat('hello');                 // runs the reception on a FakeSurface
 *     expect((await surface.whenFinal()).text).toBe('Hello.');
 *
 * Models: `tiny-writer` (default for text), `big-writer`, `tiny-painter` (default for pictures), `absent-painter` (not installed).
 */
export async function openDeskBench(overrides: DeskBenchOverrides = {}): Promise<DeskBench> {
  const { store = await openSqlStore(inMemory), blobs = new MemoryBlobStore(), clock = new FakeClock(), script, lanes, desk: deskParts } = overrides;
  const settings = benchSettings(overrides.settings ?? {});
  const runner = new ScriptedRunner(script);
  const queue = new MemoryJobQueue({ runner, clock, logger: silentLogger, ...(lanes === undefined ? {} : { lanes }) });
  const models = new ListedModels(overrides.models ?? benchModels);
  const desk = await createDesk({ queue, store, blobs, models, settings, clock, logger: silentLogger, ...deskParts });
  const surfaces = new Surfaces();
  return {
    desk,
    queue,
    runner,
    clock,
    store,
    blobs,
    models,
    settings,
    person: (user, about = {}) => new FakePerson(desk, surfaces, clock, { ...somebody, user, name: user, ...about }),
    restarted: (changes = {}) => openDeskBench({ ...overrides, store, blobs, clock, ...changes }),
    [Symbol.asyncDispose]: async () => {
      await queue.drain(AbortSignal.abort());
      await store[Symbol.asyncDispose]();
    },
  };
}

function benchSettings(file: object): Settings {
  const folder = mkdtempSync(join(tmpdir(), 'fresco-bench-'));
  try {
    mkdirSync(join(folder, 'config'));
    writeFileSync(join(folder, 'config', 'fresco.json'), JSON.stringify(file));
    return loadSettings({ folder, environment: { FRESCO_TEXT_MODEL: 'tiny-writer', FRESCO_IMAGE_MODEL: 'tiny-painter' } });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ---- models and runs ----------------------------------------------------------------------------------------------

const model = { licence: 'MIT', installed: true, embedded: false, tried: true } as const;
export const benchModels: readonly ModelInfo[] = [
  { ...model, id: 'tiny-writer', kind: 'text', name: 'Tiny writer', description: 'Writes a little.', embedded: true },
  { ...model, id: 'big-writer', kind: 'text', name: 'Big writer', description: 'Writes more.' },
  { ...model, id: 'tiny-painter', kind: 'image', name: 'Tiny painter', description: 'Paints small.', embedded: true, nativeSide: 256 },
  { ...model, id: 'absent-painter', kind: 'image', name: 'Absent painter', description: 'Is not here.', installed: false },
];

class ListedModels implements ModelStore {
  readonly #models: readonly ModelInfo[];
  constructor(models: readonly ModelInfo[]) {
    this.#models = models;
  }
  list(): readonly ModelInfo[] {
    return this.#models;
  }
  async find(idOrFolder: string): ReturnType<ModelStore['find']> {
    const found = this.#models.find(({ id }) => id === idOrFolder);
    if (found === undefined) throw new FrescoError('model-unknown', { model: idOrFolder, known: this.#models.map(({ id }) => id) });
    if (!found.installed) throw new FrescoError('model-not-installed', { model: idOrFolder });
    return { id: found.id, kind: found.kind, folder: `/models/${found.id}`, memoryBytes: 1 };
  }
}

/** A PNG of 2 × 2 pixels. */
export const smallPng: Uint8Array = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4z8DAAMIM/xkYGAAd7AP9PPqz2wAAAABJRU5ErkJggg==',
  'base64',
);

/**
 * A script that plays every run to its end: text says `answer` word by word, pictures come after two previews.
 * Pass `blobs` (the bench's own) where finished pictures are read again.
 */
export function playing({ answer = 'Hello there.', blobs = new MemoryBlobStore() }: { readonly answer?: string; readonly blobs?: BlobStore } = {}): RunScript {
  return async (run) => {
    const { request } = run;
    run.emit({ type: 'started', model: request.model, device: 'cpu' });
    if (request.kind === 'text') {
      for (const word of answer.match(/\S+\s*/g) ?? []) run.emit({ type: 'text-delta', text: word, tokenIds: [1] });
      run.finish({ type: 'finished', finishReason: 'stop', usage: { promptTokens: 5, completionTokens: 3 }, timings: { totalMs: 5 } });
    } else await playPicture(run, blobs);
  };
}

async function playPicture(run: ScriptedRun, blobs: BlobStore): Promise<void> {
  const { request } = run;
  const count = request.kind === 'image' ? request.count : 1;
  for (let index = 0; index < count; index += 1) {
    for (const step of [1, 2])
      run.emit({ type: 'step', step, steps: 2, image: index, preview: { bytes: smallPng, mediaType: 'image/png', width: 2, height: 2 } });
    await emitImage(run, blobs, index);
  }
  run.finish({ type: 'finished', finishReason: 'stop', usage: { images: count, steps: 2 * count }, timings: { totalMs: 9 } });
}

/** Emits picture `index` of an image or upscale run, its bytes stored in `blobs` and different for each run. */
export async function emitImage(run: ScriptedRun, blobs: BlobStore, index: number): Promise<void> {
  const { request } = run;
  const asked: Partial<ImageRequest> = request.kind === 'image' ? request : {};
  const [width, height] = [asked.width ?? 256, asked.height ?? 256];
  const blob = await blobs.put(Buffer.concat([smallPng, Buffer.from(`${asked.seed ?? 0} ${index} ${asked.prompt ?? ''}`)]), 'png');
  const seed = seedOf(asked, index);
  const parameters = {
    prompt: asked.prompt ?? '',
    model: request.model,
    width,
    height,
    steps: asked.steps ?? 20,
    guidanceScale: asked.guidanceScale ?? 5,
    sampler: asked.sampler ?? 'DDIM',
    seed,
  };
  run.emit({ type: 'image', index, blob, seed, width, height, parameters });
}

function seedOf(asked: Partial<ImageRequest>, index: number) {
  return seedSchema.parse(((asked.seed ?? 0) + index) % 2 ** 32);
}

// ---- people ---------------------------------------------------------------------------------------------------------

const somebody: Principal = { platform: 'fake', workspace: 'w1', channel: 'general', user: 'ana', name: 'Ana', groups: [], isGuest: false };

/** The surfaces of the fake platform, so that a button finds its message. */
class Surfaces {
  readonly #byMessage = new Map<string, FakeSurface>();
  #count = 0;

  open(place: Place): FakeSurface {
    this.#count += 1;
    return this.#keep(new FakeSurface({ platform: 'fake', channel: place.channel, message: `m${this.#count}` }));
  }
  reopen(ref: MessageRef): FakeSurface {
    const known = this.#byMessage.get(ref.message);
    return this.#keep(known?.reopened() ?? new FakeSurface(ref));
  }
  #keep(surface: FakeSurface): FakeSurface {
    this.#byMessage.set(surface.ref.message, surface);
    return surface;
  }
}

/** What came of something a person did: the reception, and for work the surface on which it is done. */
export interface Encounter {
  readonly reception: Reception;
  /** The message that shows the work; throws where the reception was no work. */
  readonly surface: FakeSurface;
  /** The answer at once; throws where there was none. */
  readonly answer: Message;
  /** Resolves when the work is done. */
  readonly done: Promise<void>;
}

/** Somebody who talks to the desk as a platform would hand it over. */
export class FakePerson {
  readonly principal: Principal;
  readonly #desk: Desk;
  readonly #surfaces: Surfaces;
  readonly #clock: Clock;
  #place: Place;
  #messages = 0;

  constructor(desk: Desk, surfaces: Surfaces, clock: Clock, principal: Principal) {
    this.principal = principal;
    this.#desk = desk;
    this.#surfaces = surfaces;
    this.#clock = clock;
    this.#place = directPlace(principal);
  }

  /** From now on this person speaks there: a direct message by default. */
  in(place: { readonly channel: string; readonly thread?: string; readonly ageRestricted?: boolean }): this {
    const { platform, workspace } = this.principal;
    const conversation = conversationKeySchema.parse(`${platform}:${place.thread ?? place.channel}`);
    this.#place = {
      platform,
      workspace,
      channel: place.thread ?? place.channel,
      ...(place.thread === undefined ? {} : { thread: place.thread }),
      parentChannel: place.channel,
      direct: false,
      conversation,
      ageRestricted: place.ageRestricted ?? false,
    };
    return this;
  }
  get place(): Place {
    return this.#place;
  }

  chat(
    text: string,
    more: { readonly replyTo?: { readonly message: string; readonly text?: string }; readonly attachments?: readonly Attachment[] } = {},
  ): Encounter {
    this.#messages += 1;
    const message = `${this.principal.user}-${this.#messages}`;
    return this.#hand({
      kind: 'chat',
      text,
      message,
      attachments: more.attachments ?? [],
      ...(more.replyTo === undefined ? {} : { replyTo: more.replyTo }),
      ...this.#asked(),
    });
  }
  command(command: string, options: Readonly<Record<string, OptionValue>> = {}): Encounter {
    return this.#hand({ kind: 'command', command, options, ...this.#asked() });
  }
  typed(command: string, text: string, attachments: readonly Attachment[] = []): Encounter {
    return this.#hand({ kind: 'typed', command, text, attachments, ...this.#asked() });
  }
  /** Presses the first button of the message whose id begins so: `press(surface, 'reroll')`; a whole id (`v1:…`) is sent as it is. */
  press(surface: FakeSurface, action: string): Encounter {
    const button = surface.current?.actions.find(({ id }) => id.startsWith(`v1:${action}:`));
    const actionId = action.includes(':') ? action : button?.id;
    if (actionId === undefined) throw new Error(`no button ${action} among ${surface.current?.actions.map(({ id }) => id).join(', ')}`);
    return this.#hand({ kind: 'press', actionId, message: surface.ref, ...this.#asked() });
  }
  submit(formId: string, values: Readonly<Record<string, string>>): Encounter {
    return this.#hand({ kind: 'form', formId, values, ...this.#asked() });
  }
  menu(
    menu: MenuName,
    target: { readonly message: string; readonly text?: string; readonly attachments?: readonly Attachment[] },
    lines: readonly string[] = [],
  ): Encounter {
    const spoken = lines.map((text) => ({ speaker: 'Ben', text, byBot: false }));
    return this.#hand({
      kind: 'menu',
      menu,
      target: { message: target.message, text: target.text ?? '', speaker: 'Ben', attachments: target.attachments ?? [] },
      lines: () => Promise.resolve(spoken),
      ...this.#asked(),
    });
  }

  #asked() {
    return { principal: this.principal, place: this.#place, receivedAtMs: this.#clock.now() };
  }

  #hand(invocation: Invocation): Encounter {
    const reception = this.#desk.receive(invocation);
    const isPress = reception.kind === 'work' && reception.on === 'pressed' && invocation.kind === 'press';
    const surface = reception.kind !== 'work' ? undefined : isPress ? this.#surfaces.reopen(invocation.message) : this.#surfaces.open(this.#place);
    const done = reception.kind === 'work' && surface !== undefined ? reception.run(surface) : Promise.resolve();
    return {
      reception,
      done,
      get surface() {
        if (surface === undefined) throw new Error(`no work, but ${JSON.stringify(reception)}`);
        return surface;
      },
      get answer() {
        if (reception.kind !== 'answer') throw new Error(`no answer, but ${reception.kind}`);
        return reception.message;
      },
    };
  }
}

function directPlace({ platform, workspace, user }: Principal): Place {
  return {
    platform,
    workspace,
    channel: `dm-${user}`,
    parentChannel: `dm-${user}`,
    direct: true,
    conversation: conversationKeySchema.parse(`${platform}:dm-${user}`),
    ageRestricted: false,
  };
}

/** A file as a platform hands it over. */
export function attachment(name: string, mediaType: string, bytes: Uint8Array | string): Attachment {
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return { name, mediaType, sizeBytes: content.byteLength, fetch: () => Promise.resolve(content) };
}
