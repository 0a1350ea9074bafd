import type { Clock } from '../clock.ts';
import { FrescoError } from '../fresco-error.ts';
import type { BlobStore, ImageRequest, JobQueue, ModelInfo, ModelKind, ModelStore, UpscaleRequest } from '../inference/contract.ts';
import type { Logger } from '../logger.ts';
import type { Settings } from '../settings.ts';
import { accessRefusal, isAdmin } from './access-policy.ts';
import type { Admission } from './admission.ts';
import type { CommandSpec } from './command-spec.ts';
import type { CommandInvocation, Place, Principal, Reception, TypedInvocation } from './contract.ts';
import type { DeskMemory } from './desk-memory.ts';
import type { OpenForms } from './forms.ts';
import type { JobDesk } from './job-desk.ts';
import type { Choices } from './store/records.ts';
import type { Store } from './store/store.ts';

/** What the desk is built from. */
export interface DeskOptions {
  readonly queue: JobQueue;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly models: ModelStore;
  /** The parts of the settings that concern the desk; the whole fits. */
  readonly settings: Pick<Settings, 'access' | 'limits' | 'chat' | 'safety' | 'textModel' | 'imageModel' | 'models'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Throws 'size-unsupported', 'picture-too-large', 'sampler-unknown' … before the job is queued. */
  readonly checkImage?: (request: ImageRequest | UpscaleRequest) => Promise<void>;
  /** Words the painter knows, offered while a prompt is typed. */
  readonly painterConcepts?: readonly string[];
  /** Names of samplers, offered while typing. */
  readonly samplers?: readonly string[];
}

/** What handlers work with. */
export interface DeskTools extends DeskOptions {
  readonly memory: DeskMemory;
  readonly admission: Admission;
  readonly jobs: JobDesk;
  readonly forms: OpenForms;
  readonly specs: readonly CommandSpec[];
}

/** What a command does with what came; errors it throws are the acknowledgement. */
export type CommandHandler = (tools: DeskTools, invocation: CommandInvocation | TypedInvocation) => Reception;
export interface Command {
  readonly spec: CommandSpec;
  readonly receive: CommandHandler;
}

export interface Asker {
  readonly principal: Principal;
  readonly place: Place;
}

/** Throws 'not-allowed'. */
export function requireAccess({ principal, place }: Asker, { settings }: DeskTools): void {
  const reason = accessRefusal(principal, place, settings.access);
  if (reason !== undefined) throw new FrescoError('not-allowed', { reason });
}
/** Throws 'not-allowed'. */
export function requireAdmin({ principal }: Asker, { settings }: DeskTools, what: string): void {
  if (!isAdmin(principal, settings.access)) throw new FrescoError('not-allowed', { reason: `${what} is for those who run me` });
}

/**
 * The model for a request: the one named, else the person's or channel's choice where it is still there, else the default.
 * Throws 'model-unknown', 'model-not-installed' for a named one; a name is never taken for a folder.
 */
export function chosenModel(tools: DeskTools, kind: 'text' | 'image', named: string | undefined, choices: Choices): string {
  if (named !== undefined) return installedModel(tools, named, [kind]).id;
  const choice = kind === 'text' ? choices.textModel : choices.imageModel;
  const isThere = tools.models.list().some(({ id, installed }) => id === choice && installed);
  return choice !== undefined && isThere ? choice : kind === 'text' ? tools.settings.textModel : tools.settings.imageModel;
}

/** Throws 'model-unknown', 'model-not-installed'. */
export function installedModel(tools: DeskTools, named: string, kinds: readonly ModelKind[]): ModelInfo {
  const known = tools.models.list().filter(({ kind }) => kinds.includes(kind));
  const wanted = named.trim().toLowerCase();
  const model = known.find(({ id, name }) => id.toLowerCase() === wanted || name.toLowerCase() === wanted);
  if (model === undefined) throw new FrescoError('model-unknown', { model: named, known: known.filter(({ installed }) => installed).map(({ id }) => id) });
  if (!model.installed) throw new FrescoError('model-not-installed', { model: model.id });
  return model;
}
