import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seedSchema } from '../../../src/ids.ts';
import type { PictureParameters } from '../../../src/inference/contract.ts';
import { encodePng } from '../../../src/inference/image/image-codec.ts';
import {
  formatParameters,
  parseParameters,
  readPictureParameters,
  readPngText,
  withPngText,
  writePictureParameters,
} from '../../../src/inference/image/png-parameters.ts';

const parameters: PictureParameters = {
  prompt: 'a lighthouse in a storm\nsecond line, (detailed:1.2)',
  negativePrompt: 'blurry, low quality',
  model: 'sdxl, base: "1.0"',
  width: 832,
  height: 1216,
  steps: 30,
  guidanceScale: 6.5,
  guidanceRescale: 0.7,
  sampler: 'DPM++ 2M Karras',
  seed: seedSchema.parse(4294967295),
  strength: 0.6,
  clipSkip: 2,
};
const png = await encodePng({ data: new Uint8Array(48), width: 4, height: 4 });

describe('parameters in a PNG file', () => {
  it('come back as they were written', () => {
    expect(readPictureParameters(writePictureParameters(png, parameters))).toEqual(parameters);
  });

  it('come back for any prompt a person can type', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'grapheme', maxLength: 50 }), (prompt, negativePrompt) => {
        const given = { ...parameters, prompt, negativePrompt };
        expect(readPictureParameters(writePictureParameters(png, given))).toEqual(given);
      }),
      { numRuns: 200 },
    );
  });

  it('are written in the layout that AUTOMATIC1111-style tools read', () => {
    expect(formatParameters({ ...parameters, model: 'sdxl' })).toBe(
      'a lighthouse in a storm\nsecond line, (detailed:1.2)\nNegative prompt: blurry, low quality\n' +
        'Steps: 30, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 4294967295, Size: 832x1216, Model: sdxl, Denoising strength: 0.6, Guidance rescale: 0.7, Clip skip: 2, Version: fresco',
    );
  });

  it('are read from the plain text when our own entry is missing', () => {
    const plain = withPngText(png, { parameters: formatParameters(parameters) });
    expect(readPictureParameters(plain)).toEqual(parameters);
  });

  it("are read from other tools' files, with the schedule type as part of the sampler", () => {
    const text =
      'a cat\nNegative prompt: dog\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 512x768, Model hash: abc, Model: dream_8, Lora hashes: "a: 1, b: 2", Version: v1.10.1';
    expect(parseParameters(text)).toEqual({
      prompt: 'a cat',
      negativePrompt: 'dog',
      steps: 20,
      sampler: 'DPM++ 2M Karras',
      guidanceScale: 7,
      seed: 42,
      width: 512,
      height: 768,
      model: 'dream_8',
    });
  });

  it('are left out where they are no numbers, and a text without them is a prompt', () => {
    expect(parseParameters('just a prompt')).toEqual({ prompt: 'just a prompt' });
    expect(parseParameters('x\nSteps: many, Seed: -1, Size: 5')).toEqual({ prompt: 'x' });
  });

  it('fall back to the plain text when our entry was damaged', () => {
    const damaged = withPngText(png, { parameters: formatParameters(parameters), fresco: '{"prompt":1}' });
    expect(readPictureParameters(damaged)).toEqual(parameters);
  });

  it('never make the reader throw for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => void parseParameters(text)));
  });
});

describe('text entries of a PNG file', () => {
  it('hold Latin-1 as tEXt and anything else as iTXt', () => {
    const file = withPngText(png, { plain: 'grün', wide: '狐 🦊' });
    expect(Buffer.from(file).includes('tEXtplain\0gr\xfcn', 0, 'latin1')).toBe(true);
    expect(Buffer.from(file).includes('iTXtwide\0')).toBe(true);
    expect(Object.fromEntries(readPngText(file))).toEqual({ plain: 'grün', wide: '狐 🦊' });
  });

  it('that unpack to more than a megabyte are left out', () => {
    const bomb = deflateSync(Buffer.alloc(40_000_000));
    const file = withPngText(png, { kept: 'yes' });
    const body = Buffer.concat([Buffer.from('big\0\0'), bomb]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    const spliced = Buffer.concat([file.subarray(0, 33), length, Buffer.from('zTXt'), body, Buffer.alloc(4), file.subarray(33)]);
    expect(Object.fromEntries(readPngText(spliced))).toEqual({ kept: 'yes' });
  });

  it('of a file that is cut off or no PNG are refused with the reason', () => {
    expect(() => readPngText(png.subarray(0, 50))).toThrow(
      expect.objectContaining({ code: 'picture-unreadable', facts: { reason: 'a PNG chunk is cut off' } }),
    );
    expect(() => readPngText(Uint8Array.of(1, 2, 3))).toThrow(expect.objectContaining({ code: 'picture-unreadable' }));
  });
});
