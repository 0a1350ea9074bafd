import type { Clock } from '../../../src/clock.ts';
import type { Desk } from '../../../src/commands/contract.ts';
import { createDesk } from '../../../src/commands/desk.ts';
import { openSqlStore } from '../../../src/commands/store/sql-store.ts';
import type { Store } from '../../../src/commands/store/store.ts';
import type { BlobStore, ModelInfo, ModelStore } from '../../../src/inference/contract.ts';
import { MemoryJobQueue } from '../../../src/inference/jobs/memory-job-queue.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { Settings } from '../../../src/settings.ts';
import { ScriptedRunner } from '../scripted-runner.ts';

export interface DeskOverScript {
  readonly desk: Desk;
  readonly store: Store;
  readonly runner: ScriptedRunner;
}

/** The real desk over an in-memory database, the real queue, and runs in the test's hands. A given store is a restart on it. */
export async function openScriptedDesk(
  { clock, blobs, settings }: { readonly clock: Clock; readonly blobs: BlobStore; readonly settings: Settings },
  { store, runner = new ScriptedRunner(), concurrency = 1 }: { readonly store?: Store; readonly runner?: ScriptedRunner; readonly concurrency?: number } = {},
): Promise<DeskOverScript> {
  const kept = store ?? (await openSqlStore(':memory:'));
  const lanes = { text: { concurrency }, image: { concurrency } };
  const queue = new MemoryJobQueue({ runner, clock, logger: silentLogger, lanes });
  const desk = await createDesk({ queue, store: kept, blobs, models: modelsOf(settings), settings, clock, logger: silentLogger });
  return { desk, store: kept, runner };
}

function modelsOf(settings: Settings): ModelStore {
  const model = (id: string, kind: ModelInfo['kind']): ModelInfo => ({
    id,
    kind,
    name: id,
    description: '',
    licence: 'MIT',
    installed: true,
    embedded: true,
    tried: true,
  });
  const known = [model(settings.textModel, 'text'), model(settings.imageModel, 'image')];
  return {
    list: () => known,
    find: async (id) => ({ id, kind: known.find((each) => each.id === id)?.kind ?? 'text', folder: `/models/${id}`, memoryBytes: 0 }),
  };
}
