import { expect, it } from 'vitest';
import type { ModelStore } from '../../src/inference/contract.ts';

/** A store in which `painter` (image) and `writer` (text) are installed, `absent` (text) is known only, `cut` is broken at `file`. */
export interface ModelStoreSetUp {
  readonly store: ModelStore;
  readonly brokenFile: string;
}

/** What every ModelStore promises. */
export function modelStoreContract(name: string, open: () => Promise<ModelStoreSetUp>): void {
  it(`${name} finds an installed model with its kind and the memory it takes`, async () => {
    const { store } = await open();
    expect(await store.find('writer')).toMatchObject({ id: 'writer', kind: 'text', memoryBytes: expect.any(Number) });
    expect(await store.find('painter', 'image')).toMatchObject({ id: 'painter', kind: 'image' });
    expect((await store.find('writer')).memoryBytes).toBeGreaterThan(0);
  });

  it(`${name} lists what is known and says what is installed`, async () => {
    const { store } = await open();
    const installed = Object.fromEntries(store.list().map((info) => [info.id, info.installed]));
    expect(installed).toMatchObject({ writer: true, painter: true, absent: false });
  });

  it(`${name} names those of the wanted kind when a model is unknown, or of another kind`, async () => {
    const { store } = await open();
    await expect(store.find('nobody', 'image')).rejects.toMatchObject({ code: 'model-unknown', facts: { model: 'nobody', known: ['painter'] } });
    await expect(store.find('writer', 'image')).rejects.toMatchObject({ code: 'model-unknown', facts: { known: ['painter'] } });
  });

  it(`${name} tells a known model that is not installed from an unknown one`, async () => {
    const { store } = await open();
    await expect(store.find('absent')).rejects.toMatchObject({ code: 'model-not-installed', facts: { model: 'absent' } });
  });

  it(`${name} names the file that is broken`, async () => {
    const { store, brokenFile } = await open();
    await expect(store.find('cut')).rejects.toMatchObject({ code: 'model-broken', facts: { model: 'cut', file: brokenFile } });
  });
}
