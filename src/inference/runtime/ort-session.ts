import { InferenceSession, listSupportedBackends, Tensor as OrtTensor } from 'onnxruntime-node';
import { FrescoError } from '../../fresco-error.ts';
import type { Tensor, TensorType } from './tensor.ts';

/** What a graph takes or gives: symbolic sizes stay strings. */
export interface GraphPort {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly (number | string)[];
}

export type Device = 'cuda' | 'dml' | 'coreml' | 'webgpu' | 'cpu';

/** A blocking call that is about to begin: its host announces it, so that a long load is not taken for a hang. */
export interface BlockingCall {
  readonly what: string;
  readonly budgetMs: number;
}

export interface RuntimeOptions {
  readonly device: Device;
  readonly threads: number;
  /** Called just before and (with undefined) just after each call that blocks the event loop. */
  readonly announce?: (call: BlockingCall | undefined) => void;
  /** A step may take this long before it counts as hung. */
  readonly runBudgetMs?: number;
  readonly loadBudgetMs?: number;
}

export interface OpenOptions {
  /** Initialisers or external files given from memory, by the name the graph uses. */
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** Extra session configuration entries; values are strings. */
  readonly config?: Readonly<Record<string, string>>;
}

/** An open graph. `run` blocks the event loop of its process for the whole call. */
export interface GraphSession extends AsyncDisposable {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  /** Milliseconds spent inside `run` so far. */
  readonly spentMs: number;
  /** Runs the graph; `wanted` limits the outputs. Throws 'out-of-memory', 'shape-mismatch', 'internal'. */
  run(feeds: Readonly<Record<string, Tensor>>, wanted?: readonly string[]): Promise<Readonly<Record<string, Tensor>>>;
}

const nativeTypes: ReadonlyMap<string, TensorType> = new Map([
  ['float32', 'float32'],
  ['float16', 'float16'],
  ['int64', 'int64'],
  ['int32', 'int32'],
  ['uint8', 'uint8'],
  ['bool', 'bool'],
]);

/** Execution providers that this platform's library carries or can load, CPU last. */
export function availableDevices(): readonly Device[] {
  const order = ['cuda', 'dml', 'coreml', 'webgpu', 'cpu'] as const;
  const known = new Set(listSupportedBackends().map(({ name }) => name));
  return order.filter((device) => device === 'cpu' || known.has(device));
}

/** Opens graphs on one device with one set of options: the one door to ONNX Runtime. */
export class OrtRuntime {
  readonly device: Device;
  readonly #options: RuntimeOptions;

  constructor(options: RuntimeOptions) {
    this.device = options.device;
    this.#options = options;
  }

  /**
   * Opens a graph by path (external data is found beside it) or from bytes.
   * Throws 'model-broken' naming the file, 'out-of-memory', 'device-unavailable'.
   */
  async open(source: string | Uint8Array, options: OpenOptions = {}): Promise<GraphSession> {
    const { device, threads, announce, loadBudgetMs = 600_000 } = this.#options;
    const sessionOptions: InferenceSession.SessionOptions = {
      executionProviders: [device],
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
      // Threads spin between the operators of a run, and stop at its end: a host that waits must not keep a core busy.
      extra: { session: { force_spinning_stop: '1', ...options.config } },
      ...(options.externalData === undefined ? {} : { externalData: options.externalData.map(({ path, data }) => ({ path, data })) }),
    };
    announce?.({ what: 'load', budgetMs: loadBudgetMs });
    try {
      const session =
        typeof source === 'string' ? await InferenceSession.create(source, sessionOptions) : await InferenceSession.create(source, sessionOptions);
      return new OrtSession(session, this.#options);
    } catch (error) {
      throw loadFailure(error, typeof source === 'string' ? source : 'graph in memory', device);
    } finally {
      announce?.(undefined);
    }
  }
}

class OrtSession implements GraphSession {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  readonly #session: InferenceSession;
  readonly #options: RuntimeOptions;
  #spentMs = 0;

  constructor(session: InferenceSession, options: RuntimeOptions) {
    this.#session = session;
    this.#options = options;
    this.inputs = session.inputMetadata.map(portOf);
    this.outputs = session.outputMetadata.map(portOf);
  }

  get spentMs(): number {
    return this.#spentMs;
  }

  async run(feeds: Readonly<Record<string, Tensor>>, wanted?: readonly string[]): Promise<Readonly<Record<string, Tensor>>> {
    const { announce, runBudgetMs = 300_000 } = this.#options;
    const native: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) native[name] = toNative(tensor);
    announce?.({ what: 'run', budgetMs: runBudgetMs });
    const startedMs = performance.now();
    try {
      const results = wanted === undefined ? await this.#session.run(native) : await this.#session.run(native, [...wanted]);
      return Object.fromEntries(Object.entries(results).map(([name, result]) => [name, fromNative(name, result)]));
    } catch (error) {
      throw runFailure(error);
    } finally {
      this.#spentMs += performance.now() - startedMs;
      announce?.(undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

function portOf(meta: InferenceSession.ValueMetadata): GraphPort {
  return meta.isTensor ? { name: meta.name, type: meta.type, dims: meta.shape } : { name: meta.name, type: 'not a tensor', dims: [] };
}

function toNative(tensor: Tensor): OrtTensor {
  const native = new OrtTensor(tensor.type, tensor.data, [...tensor.dims]); // always with its type: a bare Uint16Array would be uint16
  // Where Node has Float16Array the library wraps the bits in one, and its native part then reads nothing (1.30, Node 24).
  if (tensor.type === 'float16') Object.defineProperty(native, 'data', { value: tensor.data });
  return native;
}

function fromNative(name: string, value: OrtTensor): Tensor {
  const { data, dims } = value;
  const type = nativeTypes.get(value.type);
  if (type === 'float32' && data instanceof Float32Array) return { type, data, dims };
  if (type === 'float16' && data instanceof Uint16Array) return { type, data, dims };
  if (type === 'float16' && ArrayBuffer.isView(data)) return { type, data: new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2), dims }; // Node 24 hands out Float16Array
  if (type === 'int64' && data instanceof BigInt64Array) return { type, data, dims };
  if (type === 'int32' && data instanceof Int32Array) return { type, data, dims };
  if ((type === 'uint8' || type === 'bool') && data instanceof Uint8Array) return { type, data, dims };
  throw new FrescoError('shape-mismatch', { what: `output ${name}`, expected: [...nativeTypes.keys()].join(', '), actual: value.type });
}

const memoryWords = /bad_?alloc|out of memory|failed to allocate|allocation failed|cudaErrorMemoryAllocation/i;
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function loadFailure(error: unknown, file: string, device: Device): FrescoError {
  const text = textOf(error);
  if (memoryWords.test(text)) return new FrescoError('out-of-memory', { what: 'loading a model' }, { cause: error });
  if (/no available backend|shared library|provider/i.test(text) && device !== 'cpu') {
    return new FrescoError('device-unavailable', { device, reason: text.slice(0, 300) }, { cause: error });
  }
  return new FrescoError('model-broken', { model: '', file, problem: text.slice(0, 300) }, { cause: error });
}

function runFailure(error: unknown): FrescoError {
  const text = textOf(error);
  if (memoryWords.test(text)) return new FrescoError('out-of-memory', { what: 'running a model' }, { cause: error });
  if (/invalid dimensions|got invalid|is missing in|unexpected input/i.test(text)) {
    return new FrescoError('shape-mismatch', { what: 'graph input', expected: 'what the graph declares', actual: text.slice(0, 300) }, { cause: error });
  }
  return new FrescoError('model-broken', { model: '', file: 'graph', problem: text.slice(0, 300) }, { cause: error });
}
