import type { Clock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import { newJobId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';
import {
  type GenerationEvent,
  type InferenceRequest,
  type JobRunner,
  type Lane,
  laneOf,
  type ModelFolder,
  type ModelKind,
  type ModelStore,
  type RunControl,
} from '../contract.ts';
import { chooseDevice, type DeviceReport, devicesToTry, type ProbeResult } from '../runtime/device-choice.ts';
import type { Device } from '../runtime/ort-session.ts';
import { HostClient } from './host-client.ts';
import { hostModule } from './host-module.ts';
import { HostSupervisor } from './host-supervisor.ts';
import { type Patience, patient } from './host-watch.ts';
import { type Lease, ModelResidency } from './model-residency.ts';
import type { HostSettings, HostTask } from './wire-protocol.ts';

export interface InferenceHostsOptions {
  readonly models: ModelStore;
  /** `auto` takes the best that really works; a named device is used or refused. */
  readonly device: 'auto' | Device;
  /** Of each host. */
  readonly threads: number;
  readonly dataDir: string;
  readonly blobFolder: string;
  readonly loraFolder: string;
  /** Over all hosts. */
  readonly memoryBudgetBytes: number;
  readonly safety: { readonly checker: boolean };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Models that help another one, by id; left out where they are not installed. */
  readonly companions?: { readonly upscaler?: string | undefined; readonly refiner?: string | undefined };
  /** Another program for the hosts, for tests. */
  readonly hostModule?: URL;
  readonly patience?: Patience;
}

/** The hosts as the rest of Fresco sees them: a runner of jobs that survives its processes. */
export interface InferenceHosts extends JobRunner {
  /** Opens a model ahead of its first job. Throws as a job would. */
  warm(modelId: string): Promise<void>;
  /** Which device the hosts use and why; probed once, in a process of its own. Throws 'device-unavailable'. */
  devices(): Promise<DeviceReport>;
  /** Ends all hosts, within a few seconds. */
  close(): Promise<void>;
  /** Process ids of the running hosts by lane; for doctor and tests. */
  pids(): { readonly [Name in Lane]?: number };
}

const lanes = ['text', 'image'] as const;

/** Starts nothing yet: each lane's host is forked when its first model is wanted. */
export function createInferenceHosts(options: InferenceHostsOptions): InferenceHosts {
  return new ForkedHosts(options);
}

class ForkedHosts implements InferenceHosts {
  readonly #options: InferenceHostsOptions;
  readonly #supervisors: { readonly [Name in Lane]: HostSupervisor };
  readonly #residency: ModelResidency;
  #report: Promise<DeviceReport> | undefined;

  constructor(options: InferenceHostsOptions) {
    this.#options = options;
    this.#supervisors = { text: this.#supervisor('text'), image: this.#supervisor('image') };
    this.#residency = new ModelResidency({
      budgetBytes: options.memoryBudgetBytes,
      clock: options.clock,
      unload: (lane, folder, isLast) => this.#unload(lane, folder, isLast),
    });
  }

  async *run(request: InferenceRequest, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    try {
      const model = await this.#options.models.find(request.model, kindFor(request));
      const lane = laneOf(request);
      if (laneFor(model.kind) !== lane) throw new FrescoError('model-unsupported', { model: model.id, problem: `it is no model for ${request.kind}` });
      const lease = await this.#acquire(model, control.signal);
      try {
        const task: HostTask = { type: 'run', jobId: control.jobId ?? newJobId(), model, request };
        for await (const event of this.#supervisors[lane].run(task, control)) {
          if (event.type === 'started') lease.markLoaded();
          yield event;
        }
      } finally {
        lease.release();
      }
    } catch (error) {
      throw control.signal.aborted ? cancelReason(control.signal) : error;
    }
  }

  async warm(modelId: string): Promise<void> {
    const model = await this.#options.models.find(modelId);
    const lane = laneFor(model.kind);
    const lease = await this.#acquire(model, new AbortController().signal);
    try {
      await this.#supervisors[lane].perform({ type: 'open', model });
      lease.markLoaded();
    } finally {
      lease.release();
    }
  }

  devices(): Promise<DeviceReport> {
    this.#report ??= this.#probe();
    return this.#report;
  }

  async close(): Promise<void> {
    await Promise.all(lanes.map((lane) => this.#supervisors[lane].close()));
  }

  pids(): { readonly [Name in Lane]?: number } {
    return Object.fromEntries(
      lanes.flatMap((lane) => (this.#supervisors[lane].client?.pid === undefined ? [] : [[lane, this.#supervisors[lane].client?.pid]])),
    );
  }

  #supervisor(lane: Lane): HostSupervisor {
    return new HostSupervisor({
      lane,
      clock: this.#options.clock,
      launch: () => this.#launch(lane),
      settings: () => this.#settings(lane),
      onGone: () => this.#residency.forget(lane),
    });
  }

  #launch(name: string): HostClient {
    const { clock, logger, patience = patient } = this.#options;
    return new HostClient({ name, module: hostModule(this.#options.hostModule), clock, logger, patience });
  }

  /** An image model opens its graphs one after the other when they do not all fit, so it never needs more than there is. */
  #acquire(model: ModelFolder, signal: AbortSignal): Promise<Lease> {
    const lane = laneFor(model.kind);
    const memoryBytes = lane === 'image' ? Math.min(model.memoryBytes, this.#options.memoryBudgetBytes) : model.memoryBytes;
    return this.#residency.acquire(lane, { ...model, memoryBytes }, signal);
  }

  async #settings(lane: Lane): Promise<HostSettings> {
    const { threads, blobFolder, loraFolder, dataDir, memoryBudgetBytes, safety, companions = {} } = this.#options;
    const { device } = await this.devices();
    const [upscaler, refiner] = await Promise.all([this.#companion(companions.upscaler, 'upscaler'), this.#companion(companions.refiner, 'image')]);
    const found = { ...(upscaler === undefined ? {} : { upscaler }), ...(refiner === undefined ? {} : { refiner }) };
    return { lane, device, threads, blobFolder, loraFolder, dataDir, memoryBudgetBytes, safetyChecker: safety.checker, companions: found };
  }

  async #companion(id: string | undefined, kind: ModelKind): Promise<ModelFolder | undefined> {
    if (id === undefined) return undefined;
    try {
      return await this.#options.models.find(id, kind);
    } catch (error) {
      this.#options.logger.warn({ model: id, cause: error }, 'a helping model is not there; its work is done without it');
      return undefined;
    }
  }

  async #unload(lane: Lane, folder: string, isLast: boolean): Promise<void> {
    const supervisor = this.#supervisors[lane];
    if (supervisor.client?.alive !== true) return;
    // Memory grows over cycles of create and release in one process (onnxruntime#25325), so a host that would be empty goes whole.
    if (isLast) await supervisor.dismiss();
    else await supervisor.perform({ type: 'unload', folder });
  }

  async #probe(): Promise<DeviceReport> {
    const { device: wanted, logger } = this.#options;
    if (wanted === 'cpu') return chooseDevice(wanted, [{ device: 'cpu', works: true }]);
    const results: ProbeResult[] = [];
    let client = this.#launch('probe');
    try {
      for (const device of devicesToTry(wanted, wanted === 'auto' ? await listDevices(client) : [])) {
        if (!client.alive) client = this.#launch('probe');
        const result = await probeIn(client, device);
        results.push(result);
        if (result.works) break;
      }
    } finally {
      client.kill('the probe is done');
    }
    const report = chooseDevice(wanted, results);
    if (report.fellBack) logger.info({ tried: report.tried.map(({ device, reason }) => ({ device, reason })) }, 'no better device works: the CPU is used');
    return report;
  }
}

async function listDevices(client: HostClient): Promise<readonly Device[]> {
  for await (const event of client.run({ type: 'list-devices' })) if (event.type === 'devices') return event.devices;
  return [];
}

async function probeIn(client: HostClient, device: Device): Promise<ProbeResult> {
  try {
    for await (const event of client.run({ type: 'probe', device })) if (event.type === 'probed') return event.result;
    return { device, works: false, reason: 'the probe gave no result' };
  } catch (error) {
    if (!FrescoError.is(error, 'host-died')) throw error;
    return { device, works: false, reason: 'it crashed the process that tried it' };
  }
}

function cancelReason(signal: AbortSignal): unknown {
  return signal.reason instanceof FrescoError ? signal.reason : new FrescoError('cancelled', { by: 'signal' });
}

/** Enlarging is done by an upscaler, or by an image model's engine without one. */
function kindFor(request: InferenceRequest): ModelKind | undefined {
  return request.kind === 'upscale' ? undefined : request.kind;
}

function laneFor(kind: ModelKind): Lane {
  return kind === 'text' ? 'text' : 'image';
}
