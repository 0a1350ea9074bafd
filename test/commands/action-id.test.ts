import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ActionId, actionNames, formatActionId, parseActionId } from '../../src/commands/action-id.ts';
import { newJobId } from '../../src/ids.ts';

const actionId: fc.Arbitrary<ActionId> = fc
  .record({
    action: fc.constantFrom(...actionNames),
    index: fc.option(fc.nat({ max: 8 }), { nil: undefined }),
    factor: fc.constantFrom(undefined, 2 as const, 4 as const),
  })
  .map(({ action, index, factor }) => ({
    action,
    job: newJobId(),
    ...(index === undefined ? {} : { index, ...(factor === undefined ? {} : { factor }) }),
  }));

describe('action ids', () => {
  it('come back as they were written, within 100 characters', () => {
    fc.assert(
      fc.property(actionId, (id) => {
        const text = formatActionId(id);
        expect(text.length).toBeLessThanOrEqual(100);
        expect(parseActionId(text)).toEqual(id);
      }),
    );
  });

  it.each([
    '',
    'v1',
    'v2:stop:0123456789ab',
    'v1:explode:0123456789ab',
    'v1:stop:../../etc/passwd',
    'v1:stop:0123456789ab:9',
    'v1:upscale:0123456789ab:0x3',
    'v1:stop:0123456789ab\n',
  ])('refuse %j, which we never wrote', (text) => {
    expect(parseActionId(text)).toBeUndefined();
  });
});
