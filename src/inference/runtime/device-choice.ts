import { FrescoError } from '../../fresco-error.ts';
import { type Device, OrtRuntime } from './ort-session.ts';
import { float32Tensor } from './tensor.ts';

/** What came of trying one device. */
export interface ProbeResult {
  readonly device: Device;
  readonly works: boolean;
  /** Why it does not work, in the library's words, shortened. */
  readonly reason?: string;
}

/** Which device is used, what was tried before it, and what would mend a fall back to the CPU. */
export interface DeviceReport {
  readonly device: Device;
  /** The owner named it. */
  readonly forced: boolean;
  readonly tried: readonly (ProbeResult & { readonly mend?: string })[];
  /** True when a better device was tried in vain; the reasons are in `tried`. */
  readonly fellBack: boolean;
}

/**
 * y = x·x + x for x of [2, 2]: the least graph that makes a device compile and run something. Made with onnx.helper:
 * make_graph([make_node('MatMul', ['x', 'x'], ['p']), make_node('Add', ['p', 'x'], ['y'])], …), opset 17, IR 8.
 */
const probeGraph = 'CAg6VAoRCgF4CgF4EgFwIgZNYXRNdWwKDgoBcAoBeBIBeSIDQWRkEgVwcm9iZVoTCgF4Eg4KDAgBEggKAggCCgIIAmITCgF5Eg4KDAgBEggKAggCCgIIAkIECgAQEQ==';
const probeInput = [1, 2, 3, 4];
const probeOutput = [8, 12, 18, 26];
/** Half-precision devices are off by less than this. */
const probeTolerance = 0.05;

/** Opens and runs the small graph on `device`. Native code may crash here: call it in a host, never in main. */
export async function probeDevice(device: Device): Promise<ProbeResult> {
  try {
    await using session = await new OrtRuntime({ device, threads: 1 }).open(Buffer.from(probeGraph, 'base64'));
    const { y } = await session.run({ x: float32Tensor(Float32Array.from(probeInput), [2, 2]) });
    const right = y?.type === 'float32' && probeOutput.every((value, index) => Math.abs(value - (y.data[index] ?? Number.NaN)) < probeTolerance);
    return right ? { device, works: true } : { device, works: false, reason: 'it computes wrong numbers' };
  } catch (error) {
    return { device, works: false, reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  const text = FrescoError.is(error, 'device-unavailable') ? error.facts.reason : FrescoError.is(error, 'model-broken') ? error.facts.problem : String(error);
  const line = text.replace(/\s+/g, ' ');
  return (/(?:Failed|Cannot|Could not|Unable|No ) ?.*$/.exec(line)?.[0] ?? line).slice(0, 240); // without the source line and signature before it
}

/** Devices in the order they are tried: a named one alone, else all that the library offers, CPU last. */
export function devicesToTry(wanted: 'auto' | Device, offered: readonly Device[]): readonly Device[] {
  if (wanted !== 'auto') return [wanted];
  return (['cuda', 'dml', 'coreml', 'webgpu', 'cpu'] as const).filter((device) => device === 'cpu' || offered.includes(device));
}

/**
 * The first device that worked. Throws 'device-unavailable' when the owner named one and it does not work
 * (a named device is never exchanged silently), or when not even the CPU does.
 */
export function chooseDevice(wanted: 'auto' | Device, results: readonly ProbeResult[]): DeviceReport {
  const chosen = results.find(({ works }) => works);
  if (chosen === undefined) {
    const last = results.at(-1);
    throw new FrescoError('device-unavailable', {
      device: wanted,
      reason: `${last?.reason ?? 'nothing could be tried'}${last === undefined ? '' : `. ${mendOf(last.device)}`}`,
    });
  }
  return {
    device: chosen.device,
    forced: wanted !== 'auto',
    tried: results.map((result) => (result.works ? result : { ...result, mend: mendOf(result.device) })),
    fellBack: chosen.device === 'cpu' && results.length > 1,
  };
}

/** What the owner can do to get a device to work. */
export function mendOf(device: Device): string {
  switch (device) {
    case 'cuda':
      return 'Needs an NVIDIA card, its driver, CUDA 12 and cuDNN 9, and the CUDA libraries: node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12';
    case 'dml':
      return 'Needs Windows 10 or later and a graphics card with DirectX 12 and a current driver.';
    case 'coreml':
      return 'Needs a Mac with Apple silicon.';
    case 'webgpu':
      return 'Needs a graphics card and its driver; on Linux also Vulkan (Debian and Ubuntu: apt install libvulkan1 mesa-vulkan-drivers).';
    case 'cpu':
      return 'The ONNX Runtime library does not load at all: run npm ci again, on a supported platform (Linux or Windows x64 and arm64, macOS arm64).';
    default:
      return device satisfies never;
  }
}
