import { mkdtemp, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FrescoError } from '../../src/fresco-error.ts';
import { blobRefOf } from '../../src/ids.ts';
import { BlobFolder, writeFailure } from '../../src/inference/blob-folder.ts';
import { blobStoreContract } from '../contracts/blob-store-contract.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

const day = 86_400_000;
async function open(clock = new FakeClock()) {
  const folder = await mkdtemp(join(tmpdir(), 'fresco-blobs-'));
  return { folder, clock, store: new BlobFolder({ folder, clock }) };
}

describe('BlobFolder', () => {
  blobStoreContract('BlobFolder', async () => (await open()).store);

  it('sweeps what is past its time, and keeps what is named', async () => {
    const { store, clock } = await open();
    const old = await store.put(Uint8Array.of(1), 'png');
    const named = await store.put(Uint8Array.of(2), 'png');
    await clock.advance(3 * day);
    const fresh = await store.put(Uint8Array.of(3), 'png');
    expect(await store.sweep({ olderThanMs: 2 * day, keep: new Set([named]) })).toBe(1);
    expect([await store.has(old), await store.has(named), await store.has(fresh)]).toEqual([false, true, true]);
  });

  it('starts the retention period anew when a picture is stored again', async () => {
    const { store, clock } = await open();
    const ref = await store.put(Uint8Array.of(1), 'png');
    await clock.advance(3 * day);
    await store.put(Uint8Array.of(1), 'png');
    expect(await store.sweep({ olderThanMs: 2 * day, keep: new Set() })).toBe(0);
    expect(await store.has(ref)).toBe(true);
  });

  it('takes away half-written files of a crash, but not those being written', async () => {
    const { folder, store, clock } = await open();
    const ref = await store.put(Uint8Array.of(1), 'png');
    const shelf = join(folder, ref.slice(0, 2));
    for (const [name, ageMs] of [
      ['.crashed.partial', day],
      ['.writing.partial', 1000],
    ] as const) {
      await writeFile(join(shelf, name), 'half');
      await utimes(join(shelf, name), new Date(clock.now() - ageMs), new Date(clock.now() - ageMs));
    }
    await store.sweep({ olderThanMs: day, keep: new Set() });
    expect((await readdir(shelf)).sort()).toEqual(['.writing.partial', ref].sort());
  });

  it("says 'folder-unwritable' where no folder can be made", async () => {
    const { folder, clock } = await open();
    await writeFile(join(folder, 'file'), 'not a folder');
    const store = new BlobFolder({ folder: join(folder, 'file'), clock });
    await expect(store.put(Uint8Array.of(1), 'png')).rejects.toMatchObject({ code: 'folder-unwritable', facts: { folder: join(folder, 'file') } });
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('not a folder');
  });

  it("says 'disk-full' with the bytes it needed", () => {
    const failure = writeFailure(Object.assign(new Error('write'), { code: 'ENOSPC' }), '/pictures', 42);
    expect(FrescoError.is(failure, 'disk-full') && failure.facts).toEqual({ folder: '/pictures', neededBytes: 42 });
  });

  it('leaves nothing behind when a write fails', async () => {
    const { folder, store } = await open();
    const ref = blobRefOf(Uint8Array.of(9), 'png');
    await writeFile(join(folder, ref.slice(0, 2)), 'in the way');
    await expect(store.put(Uint8Array.of(9), 'png')).rejects.toMatchObject({ code: 'folder-unwritable' });
    expect(await readdir(folder)).toEqual([ref.slice(0, 2)]);
  });
});
