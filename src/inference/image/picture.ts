import { FrescoError } from '../../fresco-error.ts';

/** Decoded pixels: `channels` interleaved bytes a pixel, row by row from the top. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Interleaved RGB bytes to planes [3, height, width], float32 in [−1, 1], as diffusers' VaeImageProcessor does it. */
export function pictureToPlanes(picture: Picture): Float32Array {
  const { data, width, height } = picture;
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let pixel = 0; pixel < area; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) planes[channel * area + pixel] = 2 * Math.fround((data[pixel * 3 + channel] ?? 0) / 255) - 1;
  }
  return planes;
}

/** Planes [3, height, width] in [−1, 1] to interleaved RGB bytes: x/2 + ½, clamped, times 255, rounded. Throws 'not-a-number'. */
export function planesToPicture(planes: Float32Array, width: number, height: number): Picture {
  const area = width * height;
  if (planes.length !== 3 * area) {
    throw new FrescoError('shape-mismatch', { what: 'decoded picture', expected: `3 × ${height} × ${width} values`, actual: `${planes.length}` });
  }
  const data = new Uint8ClampedArray(3 * area); // clamps, and rounds halves to even, as numpy does
  let sum = 0;
  for (let channel = 0; channel < 3; channel += 1) {
    const plane = planes.subarray(channel * area, (channel + 1) * area);
    for (let pixel = 0; pixel < area; pixel += 1) {
      const value = plane[pixel] ?? 0;
      sum += value;
      data[pixel * 3 + channel] = value * 127.5 + 127.5;
    }
  }
  if (Number.isNaN(sum)) throw new FrescoError('not-a-number', { where: 'the decoded picture' });
  return { data: new Uint8Array(data.buffer), width, height };
}

/** Pastes `over` on `under` where `mask` (one byte a pixel) is not 255, mixing in between; all three of one size. Returns a fresh picture. */
export function mixPictures(under: Picture, over: Picture, mask: Picture): Picture {
  const data = new Uint8Array(under.data.length);
  for (let index = 0; index < data.length; index += 1) {
    const share = (mask.data[Math.floor(index / 3)] ?? 0) / 255;
    data[index] = Math.round((over.data[index] ?? 0) * share + (under.data[index] ?? 0) * (1 - share));
  }
  return { data, width: under.width, height: under.height };
}

/** `picture` on a larger canvas, its edge pixels drawn out to fill the border, and the mask (255 = to be painted) of that border. */
export function padPicture(
  picture: Picture,
  border: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number },
): { readonly picture: Picture; readonly mask: Picture } {
  const width = picture.width + border.left + border.right;
  const height = picture.height + border.top + border.bottom;
  const data = new Uint8Array(width * height * 3);
  const mask = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const fromY = Math.min(picture.height - 1, Math.max(0, y - border.top));
    for (let x = 0; x < width; x += 1) {
      const fromX = Math.min(picture.width - 1, Math.max(0, x - border.left));
      const from = (fromY * picture.width + fromX) * 3;
      const to = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1) data[to + channel] = picture.data[from + channel] ?? 0;
      mask[y * width + x] = fromY === y - border.top && fromX === x - border.left ? 0 : 255;
    }
  }
  return { picture: { data, width, height }, mask: { data: mask, width, height } };
}

/** Several RGB pictures of one size side by side in a near-square grid. */
export function gridOf(pictures: readonly Picture[]): Picture {
  const [first] = pictures;
  if (first === undefined) throw new FrescoError('shape-mismatch', { what: 'grid', expected: 'at least one picture', actual: '0' });
  if (pictures.length === 1) return first;
  const columns = Math.ceil(Math.sqrt(pictures.length));
  const rows = Math.ceil(pictures.length / columns);
  const width = columns * first.width;
  const data = new Uint8Array(width * rows * first.height * 3);
  for (const [index, picture] of pictures.entries()) {
    const left = (index % columns) * first.width;
    const top = Math.floor(index / columns) * first.height;
    for (let y = 0; y < first.height; y += 1) {
      data.set(picture.data.subarray(y * first.width * 3, (y + 1) * first.width * 3), ((top + y) * width + left) * 3);
    }
  }
  return { data, width, height: rows * first.height };
}
