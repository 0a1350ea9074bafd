import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readSource } from './rooms.ts';

const lockfile = z.object({
  packages: z.record(z.string(), z.object({ resolved: z.string().optional(), integrity: z.string().optional(), link: z.boolean().optional() })),
});

describe('package-lock.json', () => {
  const packages = Object.entries(lockfile.parse(JSON.parse(readSource('package-lock.json'))).packages).filter(([name]) => name !== '');

  it('has a checksum for every package', () => {
    expect(packages.filter(([, entry]) => entry.integrity === undefined).map(([name]) => name)).toEqual([]);
  });

  it("names no registry's host", () => {
    expect(packages.filter(([, entry]) => entry.resolved !== undefined).map(([name]) => name)).toEqual([]);
  });
});
