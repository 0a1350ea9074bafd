import { FrescoError } from '../fresco-error.ts';

const most = 8;

/** Reads `name:0.8, other` as names and weights. Throws 'option-invalid'. */
export function readLoras(typed: string): { name: string; weight: number }[] {
  const parts = typed
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const read = parts.map((part) => /^(?<name>[^:<>]{1,120}?)(?::(?<weight>-?\d(?:\.\d+)?))?$/.exec(part)?.groups);
  return read.map((groups) => {
    const weight = Number(groups?.['weight'] ?? 1);
    const name = groups?.['name'];
    if (name === undefined || Math.abs(weight) > 4 || read.length > most) {
      throw new FrescoError('option-invalid', { option: 'lora', found: typed, expected: `at most ${most} of name:weight, weights from -4 to 4` });
    }
    return { name, weight };
  });
}
