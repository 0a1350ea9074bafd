import { expect, it } from 'vitest';
import { blobRefOf } from '../../src/ids.ts';
import type { BlobStore } from '../../src/inference/contract.ts';

/** What every BlobStore promises. */
export function blobStoreContract(name: string, open: () => Promise<BlobStore>): void {
  const picture = Uint8Array.from([137, 80, 78, 71, 0, 255]);

  it(`${name} gives back the bytes that were put, by their content address`, async () => {
    const store = await open();
    const ref = await store.put(picture, 'png');
    expect(ref).toBe(blobRefOf(picture, 'png'));
    expect(await store.get(ref)).toEqual(picture);
    expect(await store.has(ref)).toBe(true);
  });

  it(`${name} stores the same bytes once, also when they come at the same time`, async () => {
    const store = await open();
    const refs = await Promise.all(Array.from({ length: 8 }, () => store.put(picture, 'png')));
    expect(new Set(refs).size).toBe(1);
    await store.delete(refs[0]!);
    expect(await store.has(refs[0]!)).toBe(false);
  });

  it(`${name} says 'not-found' for what was never put or was deleted`, async () => {
    const store = await open();
    const ref = await store.put(picture, 'png');
    await store.delete(ref);
    await store.delete(ref);
    await expect(store.get(ref)).rejects.toMatchObject({ code: 'not-found' });
    await expect(store.get(blobRefOf(Uint8Array.of(1), 'png'))).rejects.toMatchObject({ code: 'not-found' });
  });
}
