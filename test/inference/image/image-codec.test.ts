import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  decodeMask,
  decodePicture,
  encodeJpeg,
  encodePng,
  encodePreview,
  finishPicture,
  inspectPicture,
  resizePicture,
  softenMask,
  stretchPicture,
} from '../../../src/inference/image/image-codec.ts';
import { gridOf, mixPictures, type Picture, padPicture, pictureToPlanes, planesToPicture } from '../../../src/inference/image/picture.ts';
import { failureOf } from '../../contracts/image-engine-contract.ts';

const pictures = join(import.meta.dirname, 'pictures');
const filled = (width: number, height: number, colour: readonly [number, number, number]): Picture => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, index) => colour[index % 3]!),
  width,
  height,
});
const gradient: Picture = { data: Uint8Array.from({ length: 64 * 48 * 3 }, (_, index) => (index * 7) % 256), width: 64, height: 48 };

/** A PNG whose header claims a size, with `rows` bytes of data behind it. */
function claimedPng(width: number, height: number, rows = 100): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, body: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, Buffer.from(type), body, Buffer.alloc(4)]);
  };
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('decoding a start picture', () => {
  it('gives back the pixels of a PNG exactly', async () => {
    expect(await decodePicture(await encodePng(gradient))).toEqual(gradient);
  });

  it('turns a photograph as its EXIF data says', async () => {
    // 32 × 16, orientation 6 (turn right): red left half becomes the upper half
    const { width, height, data } = await decodePicture(readFileSync(join(pictures, 'turned.jpg')));
    expect([width, height]).toEqual([16, 32]);
    expect(data[0]).toBeGreaterThan(200);
    expect(data[data.length - 3]).toBeLessThan(60);
  });

  it('brings CMYK to sRGB', async () => {
    const { data } = await decodePicture(readFileSync(join(pictures, 'cmyk.jpg')));
    expect(data[0]).toBeGreaterThan(180); // pure magenta and yellow ink is red
    expect(data[2]).toBeLessThan(90);
  });

  it('takes the first frame of an animation', async () => {
    const { data } = await decodePicture(readFileSync(join(pictures, 'animated.gif')));
    expect([...data.subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  it('lays transparency on white', async () => {
    const { data } = await decodePicture(readFileSync(join(pictures, 'transparent.png')));
    expect([...data.subarray(0, 3)]).toEqual([255, 255, 255]);
  });

  it('refuses a picture of 20,000 pixels by its header, before decoding', async () => {
    const startedMs = performance.now();
    expect(await failureOf(decodePicture(claimedPng(20_000, 20_000)))).toMatchObject({
      code: 'picture-too-large',
      facts: { width: 20_000, height: 20_000, limit: 8192 },
    });
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });

  it('refuses a decompression bomb within the side limit by its area', async () => {
    expect((await failureOf(decodePicture(claimedPng(8000, 8000)))).code).toBe('picture-too-large');
  });

  it.each([
    ['nothing', new Uint8Array(0), 'empty'],
    ['text', Buffer.from('hello there, I am no picture'), 'not a PNG'],
    [
      'SVG, whose loader could fetch files',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'),
      'not a PNG',
    ],
    ['a header alone', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'damaged'],
    ['too little data', claimedPng(64, 64, 10), 'damaged'],
  ])('refuses %s with the reason', async (_, bytes, reason) => {
    const failure = await failureOf(decodePicture(bytes));
    expect(failure).toMatchObject({ code: 'picture-unreadable', facts: { reason: expect.stringContaining(reason) } });
  });

  it('refuses a picture that was cut off', async () => {
    const whole = await encodeJpeg(await stretchPicture(gradient, 256, 256));
    expect((await failureOf(decodePicture(whole.subarray(0, whole.length / 2)))).code).toBe('picture-unreadable');
  });

  it('refuses a picture of one pixel with the smallest size', async () => {
    expect(await failureOf(decodePicture(await encodePng(filled(1, 1, [1, 2, 3]))))).toMatchObject({
      code: 'size-unsupported',
      facts: { width: 1, height: 1, expected: 'at least 16 pixels a side' },
    });
  });

  it('refuses more than 32 megabytes unread', async () => {
    expect((await failureOf(decodePicture(new Uint8Array(33 * 1024 * 1024)))).facts).toMatchObject({ reason: expect.stringContaining('33554432') });
  });

  it('reads a mask as one byte a pixel', async () => {
    const mask = await decodeMask(await encodePng(filled(20, 20, [255, 255, 255])));
    expect(mask).toMatchObject({ width: 20, height: 20 });
    expect(new Set(mask.data)).toEqual(new Set([255]));
  });
});

describe('working on pictures', () => {
  it('planes go there and back without loss', () => {
    expect(planesToPicture(pictureToPlanes(gradient), 64, 48)).toEqual(gradient);
  });

  it('a NaN is never drawn', () => {
    expect(() => planesToPicture(new Float32Array(12).fill(Number.NaN), 2, 2)).toThrow(expect.objectContaining({ code: 'not-a-number' }));
  });

  it('resizing covers the target without stretching, stretching fills it', async () => {
    expect(await resizePicture(gradient, 32, 32)).toMatchObject({ width: 32, height: 32 });
    expect(await stretchPicture(gradient, 128, 96)).toMatchObject({ width: 128, height: 96 });
    expect(await resizePicture(gradient, 64, 48)).toBe(gradient);
  });

  it('a grid of four is two by two, of three keeps its last place black', () => {
    const four = gridOf([filled(2, 2, [1, 1, 1]), filled(2, 2, [2, 2, 2]), filled(2, 2, [3, 3, 3]), filled(2, 2, [4, 4, 4])]);
    expect([four.width, four.height]).toEqual([4, 4]);
    expect([four.data[0], four.data[6], four.data[24], four.data[30]]).toEqual([1, 2, 3, 4]);
    expect(gridOf([filled(2, 2, [1, 1, 1]), filled(2, 2, [2, 2, 2]), filled(2, 2, [3, 3, 3])]).data.at(-1)).toBe(0);
  });

  it('padding draws the edge out and marks exactly the border', () => {
    const { picture, mask } = padPicture(filled(4, 4, [9, 8, 7]), { left: 2, top: 0, right: 0, bottom: 1 });
    expect([picture.width, picture.height]).toEqual([6, 5]);
    expect([...picture.data.subarray(0, 3)]).toEqual([9, 8, 7]);
    expect([...mask.data.subarray(0, 6)]).toEqual([255, 255, 0, 0, 0, 0]);
    expect(mask.data.reduce((sum, value) => sum + value / 255, 0)).toBe(6 * 5 - 16);
  });

  it('a soft mask mixes at its edge and nowhere else', async () => {
    const mask = { data: Uint8Array.from({ length: 32 * 32 }, (_, index) => (index % 32 < 16 ? 0 : 255)), width: 32, height: 32 };
    const mixed = mixPictures(filled(32, 32, [0, 0, 0]), filled(32, 32, [200, 200, 200]), await softenMask(mask, 2));
    expect([mixed.data[0], mixed.data[31 * 3]]).toEqual([0, 200]);
    expect(mixed.data[16 * 3]).toBeGreaterThan(20);
    expect(mixed.data[16 * 3]).toBeLessThan(180);
  });

  it('final touches keep the size and the look', async () => {
    const soft = await stretchPicture(gradient, 300, 300);
    const touched = await finishPicture(soft);
    expect([touched.width, touched.height]).toEqual([300, 300]);
    expect((await finishPicture(filled(32, 32, [10, 20, 30]))).data.subarray(0, 3)).toEqual(Uint8Array.of(10, 20, 30));
  });

  it('a preview is a small JPEG enlarged to the side asked for', async () => {
    const preview = await encodePreview(gradient, 128);
    expect(preview).toMatchObject({ mediaType: 'image/jpeg', width: 128, height: 96 });
    expect(await inspectPicture(preview.bytes)).toEqual({ format: 'jpeg', width: 128, height: 96 });
  });
});
