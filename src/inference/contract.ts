import { z } from 'zod';
import { type BlobRef, blobRefSchema, type JobId, type Seed, seedSchema, type UserKey } from '../ids.ts';

/**
 * What the inference room offers to the rest: requests, events, engines, the queue, models and blobs.
 * Plain data only: everything here can cross a process or a Redis queue. No session, tensor, path or chat type appears.
 */

// ---- requests -------------------------------------------------------------------------------------------------

export const chatTurnSchema = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type ChatTurn = z.infer<typeof chatTurnSchema>;

/** How the next token is drawn, in Hugging Face's terms; what is absent comes from the model's own defaults. */
export const samplingSchema = z.object({
  /** 0 is greedy. */
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  /** 0 turns it off. */
  topK: z.int().min(0).max(1000).optional(),
  minP: z.number().min(0).max(1).optional(),
  repetitionPenalty: z.number().gt(0).max(3).optional(),
  seed: seedSchema.optional(),
});
export type Sampling = z.infer<typeof samplingSchema>;

export const textRequestSchema = z.object({
  kind: z.literal('text'),
  /** A catalogue id or the path of a model folder. */
  model: z.string(),
  /** A conversation, or `raw` text completed without a template. */
  input: z.discriminatedUnion('form', [
    z.object({ form: z.literal('messages'), messages: z.array(chatTurnSchema).min(1) }),
    z.object({ form: z.literal('raw'), text: z.string() }),
  ]),
  sampling: samplingSchema,
  maxTokens: z.int().min(1).max(32_768),
  stop: z.array(z.string().min(1)).max(8),
  /** The last message is an assistant's that goes on where it ends. */
  continueLast: z.boolean(),
  /** Adds the model's own defaults: system prompt, sampling and the guard that ends a reply which repeats itself. */
  useDefaults: z.boolean(),
});
export type TextRequest = z.infer<typeof textRequestSchema>;

export const loraSchema = z.object({ name: z.string().min(1), weight: z.number().min(-4).max(4) });

export const imageRequestSchema = z.object({
  kind: z.literal('image'),
  model: z.string(),
  /** May carry weights as people write them: `(fox:1.2) [dog]` and `<lora:name:0.8>`. */
  prompt: z.string(),
  negativePrompt: z.string().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
  steps: z.int().min(1).max(500).optional(),
  guidanceScale: z.number().min(0).max(50).optional(),
  guidanceRescale: z.number().min(0).max(1).optional(),
  /** As people say it ("DPM++ 2M Karras") or diffusers' class name. */
  sampler: z.string().optional(),
  seed: seedSchema,
  /** Image k is drawn with seed + k, so each can be repeated alone. */
  count: z.int().min(1).max(9),
  clipSkip: z.int().min(0).max(12).optional(),
  initImage: blobRefSchema.optional(),
  mask: blobRefSchema.optional(),
  /** How much of the start picture is repainted: 0 keeps it, 1 ignores it. */
  strength: z.number().gt(0).max(1).optional(),
  /** Pads the start picture by so many pixels on each side and paints the rest. */
  outpaint: z.object({ left: z.int().min(0), top: z.int().min(0), right: z.int().min(0), bottom: z.int().min(0) }).optional(),
  /** Enlarge the finished picture: by a model where one is there, else by Lanczos. */
  upscale: z.union([z.literal(2), z.literal(4)]).optional(),
  /** Hires fix: paint, enlarge the latents by this factor, paint again with `strength`. */
  hiresFactor: z.number().min(1.1).max(4).optional(),
  /** Final touches: sharpen and smooth edges. */
  finish: z.boolean().optional(),
  loras: z.array(loraSchema).max(8).optional(),
  /** True when previews are wanted. */
  previews: z.boolean(),
});
export type ImageRequest = z.infer<typeof imageRequestSchema>;

/** Enlarges a stored picture without painting it again. */
export const upscaleRequestSchema = z.object({
  kind: z.literal('upscale'),
  model: z.string(),
  image: blobRefSchema,
  factor: z.union([z.literal(2), z.literal(4)]),
});
export type UpscaleRequest = z.infer<typeof upscaleRequestSchema>;

export const inferenceRequestSchema = z.discriminatedUnion('kind', [textRequestSchema, imageRequestSchema, upscaleRequestSchema]);
export type InferenceRequest = z.infer<typeof inferenceRequestSchema>;

export type Lane = 'text' | 'image';
export function laneOf(request: InferenceRequest): Lane {
  return request.kind === 'text' ? 'text' : 'image';
}

// ---- events ---------------------------------------------------------------------------------------------------

/** A small picture of an unfinished image; travels as bytes, is never stored. */
export interface Preview {
  readonly bytes: Uint8Array;
  readonly mediaType: 'image/webp' | 'image/jpeg' | 'image/png';
  readonly width: number;
  readonly height: number;
}

/** Something the person should know although the job goes on. */
export type NoticeFacts = {
  'turns-dropped': { readonly dropped: number; readonly contextTokens: number };
  'nearest-concept': { readonly model: string; readonly drawing: string };
  'size-clamped': { readonly width: number; readonly height: number };
  'batch-split': { readonly count: number };
  'prompt-truncated': { readonly dropped: string };
  'repetition-ended': Record<string, never>;
  'stopped-early': { readonly step: number; readonly steps: number };
  'image-blocked': { readonly index: number };
};
export type NoticeEvent = {
  [Code in keyof NoticeFacts]: { readonly type: 'notice'; readonly code: Code; readonly facts: NoticeFacts[Code] };
}[keyof NoticeFacts];

export interface Usage {
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly images?: number;
  readonly steps?: number;
}
/** Milliseconds. */
export interface Timings {
  readonly waitedMs?: number;
  readonly loadMs?: number;
  readonly firstTokenMs?: number;
  readonly totalMs: number;
  /** Time inside the bare graph runs, for the bench. */
  readonly sessionMs?: number;
}
export type FinishReason = 'stop' | 'length' | 'repetition' | 'stopped-early';

/** The resolved parameters of one picture: enough to repeat it. */
export interface PictureParameters {
  readonly prompt: string;
  readonly negativePrompt?: string;
  readonly model: string;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidanceScale: number;
  /** Absent where it is 0 and nobody asked for it. */
  readonly guidanceRescale?: number;
  readonly sampler: string;
  readonly seed: Seed;
  readonly strength?: number;
  readonly clipSkip?: number;
}

/** `queued` and progress as often as needed, then one `finished` or a thrown FrescoError. */
export type GenerationEvent =
  /** `position` jobs are ahead in the lane, running ones included; `etaMs` is the time until this one probably starts. */
  | { readonly type: 'queued'; readonly position: number; readonly etaMs: number | undefined }
  | { readonly type: 'loading'; readonly model: string }
  | { readonly type: 'started'; readonly model: string; readonly device: string }
  | { readonly type: 'restarted' }
  | NoticeEvent
  | { readonly type: 'text-delta'; readonly text: string; readonly tokenIds: readonly number[] }
  | { readonly type: 'step'; readonly step: number; readonly steps: number; readonly image: number; readonly preview?: Preview }
  | {
      readonly type: 'image';
      readonly index: number;
      readonly blob: BlobRef;
      readonly seed: Seed;
      readonly width: number;
      readonly height: number;
      readonly parameters: PictureParameters;
    }
  | {
      readonly type: 'finished';
      readonly finishReason: FinishReason;
      readonly usage: Usage;
      readonly timings: Timings;
      readonly promptTokenIds?: readonly number[];
    };

// ---- engines and runners ----------------------------------------------------------------------------------------

/** How a running job is steered from outside. */
export interface RunControl {
  /** Cancels: the stream throws 'cancelled'. */
  readonly signal: AbortSignal;
  /** "Stop here, keep it": the loop ends early and what there is becomes the result. */
  readonly keep: AbortSignal;
  /** Goes into the log lines of main and host. */
  readonly jobId?: JobId;
}

/** One loaded text model. */
export interface TextEngine extends AsyncDisposable {
  readonly kind: 'text';
  generate(request: TextRequest, control: RunControl): AsyncIterable<GenerationEvent>;
  tokenize(text: string): { readonly ids: readonly number[]; readonly tokens: readonly string[] };
}

/** One loaded image model (or an upscaler). */
export interface ImageEngine extends AsyncDisposable {
  readonly kind: 'image';
  generate(request: ImageRequest | UpscaleRequest, control: RunControl): AsyncIterable<GenerationEvent>;
}

/** What carries a request to a model: the hosts in production, a scripted fake in tests. */
export interface JobRunner {
  run(request: InferenceRequest, control: RunControl): AsyncIterable<GenerationEvent>;
}

// ---- the queue --------------------------------------------------------------------------------------------------

export interface JobOrder {
  readonly id: JobId;
  readonly owner: UserKey;
  readonly request: InferenceRequest;
  /** Overrides the default number of jobs this owner may have waiting. */
  readonly maxWaiting?: number;
}
export interface JobHandle {
  readonly id: JobId;
  /** One consumer; ends after `finished`, throws the job's FrescoError. Leaving it early cancels the job. */
  readonly events: AsyncIterable<GenerationEvent>;
}
export interface JobSnapshot {
  readonly id: JobId;
  readonly owner: UserKey;
  readonly lane: Lane;
  readonly state: 'waiting' | 'running';
  /** Jobs ahead of this one in its lane, running ones included; 0 for a running job. */
  readonly position: number;
  /** Until it probably starts, or ends where it runs; undefined while no job of its kind has ended. */
  readonly etaMs: number | undefined;
}
export interface LaneStats {
  readonly lane: Lane;
  readonly waiting: number;
  readonly running: number;
  readonly finished: number;
  readonly failed: number;
  readonly paused: boolean;
}
export interface JobQueue {
  /** Decides from memory, at once. Throws 'too-many-waiting', 'queue-full', 'paused', 'shutting-down'. */
  submit(order: JobOrder): JobHandle;
  /** True when the job was waiting or running and now ends with 'cancelled'. */
  cancel(id: JobId, by: string): boolean;
  /** "Stop here, keep it"; true when the job is running. */
  keep(id: JobId): boolean;
  snapshot(): readonly JobSnapshot[];
  stats(): readonly LaneStats[];
  pause(): void;
  resume(): void;
  /** Accepts nothing more and resolves when all running jobs ended; jobs still waiting or running at `signal` end with 'shutting-down'. */
  drain(signal: AbortSignal): Promise<void>;
}

// ---- models and blobs -------------------------------------------------------------------------------------------

export type ModelKind = 'text' | 'image' | 'upscaler';
export interface ModelInfo {
  readonly id: string;
  readonly kind: ModelKind;
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  readonly installed: boolean;
  /** One of the two small models in the repository. */
  readonly embedded: boolean;
  /** False where nobody here could try it. */
  readonly tried: boolean;
  readonly downloadBytes?: number;
  readonly memoryBytes?: number;
  /** For image models: the side in pixels of the square it paints best; a shape such as 16:9 keeps that area. */
  readonly nativeSide?: number;
}
/** A model that is on the disk: all an engine needs to open it. */
export interface ModelFolder {
  readonly id: string;
  readonly kind: ModelKind;
  /** Absolute path. */
  readonly folder: string;
  readonly memoryBytes: number;
}
export interface ModelStore {
  list(): readonly ModelInfo[];
  /** Finds by catalogue id or path of a folder. Throws 'model-unknown', 'model-not-installed', 'model-broken'. */
  find(idOrFolder: string, kind?: ModelKind): Promise<ModelFolder>;
}

export interface BlobStore {
  /** Stores bytes and returns their content address; storing twice is once. Throws 'disk-full', 'folder-unwritable'. */
  put(bytes: Uint8Array, extension: string): Promise<BlobRef>;
  /** Throws 'not-found'. */
  get(ref: BlobRef): Promise<Uint8Array>;
  has(ref: BlobRef): Promise<boolean>;
  delete(ref: BlobRef): Promise<void>;
}
