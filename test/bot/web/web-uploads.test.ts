import { describe, expect, it } from 'vitest';
import { WebUploads } from '../../../src/bot/web/web-uploads.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';

const bytes = new Uint8Array([1, 2, 3]);

describe('files attached on the page', () => {
  it('are given to who attached them', async () => {
    const uploads = new WebUploads(new FakeClock());
    const id = uploads.add('a', 'fox.png', 'image/png', bytes);
    const [attachment] = uploads.take('a', [id]);
    expect(attachment).toMatchObject({ name: 'fox.png', mediaType: 'image/png', sizeBytes: 3 });
    expect(await attachment?.fetch(new AbortController().signal)).toEqual(bytes);
  });

  it('are nobody else’s', () => {
    const uploads = new WebUploads(new FakeClock());
    const id = uploads.add('a', 'fox.png', 'image/png', bytes);
    expect(() => uploads.take('b', [id])).toThrow('not-found');
  });

  it('are forgotten after a quarter of an hour', async () => {
    const clock = new FakeClock();
    const uploads = new WebUploads(clock);
    const id = uploads.add('a', 'fox.png', 'image/png', bytes);
    await clock.advance(16 * 60_000);
    uploads.add('a', 'new.png', 'image/png', bytes);
    expect(() => uploads.take('a', [id])).toThrow('not-found');
  });

  it('must not be empty', () => {
    expect(() => new WebUploads(new FakeClock()).add('a', 'empty.txt', 'text/plain', new Uint8Array())).toThrow('attachment-refused');
  });
});
