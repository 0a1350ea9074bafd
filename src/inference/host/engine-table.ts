import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { BlobStore, ImageEngine, ModelFolder, TextEngine } from '../contract.ts';
import type { ProbeResult } from '../runtime/device-choice.ts';
import type { Device, OrtRuntime } from '../runtime/ort-session.ts';
import type { HostSettings } from './wire-protocol.ts';

/** What a host lends its engines. */
export interface HostServices {
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: HostSettings;
}

/** What a host can do beside moving messages; the tests put a scripted one in its place. */
export interface EngineTable {
  openText(model: ModelFolder, runtime: OrtRuntime, services: HostServices): Promise<TextEngine>;
  openImage(model: ModelFolder, runtime: OrtRuntime, services: HostServices): Promise<ImageEngine>;
  listDevices(): Promise<readonly Device[]>;
  probe(device: Device): Promise<ProbeResult>;
}
