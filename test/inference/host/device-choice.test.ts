import { describe, expect, it } from 'vitest';
import { chooseDevice, devicesToTry, mendOf, probeDevice } from '../../../src/inference/runtime/device-choice.ts';

describe('device choice', () => {
  it('tries what the library offers, best first and the CPU last', () => {
    expect(devicesToTry('auto', ['cpu', 'webgpu', 'cuda'])).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(devicesToTry('auto', [])).toEqual(['cpu']);
    expect(devicesToTry('webgpu', ['cuda'])).toEqual(['webgpu']);
  });

  it('takes the first that worked and tells nobody to mend anything', () => {
    expect(chooseDevice('auto', [{ device: 'cuda', works: true }])).toEqual({
      device: 'cuda',
      forced: false,
      tried: [{ device: 'cuda', works: true }],
      fellBack: false,
    });
  });

  it('says why not a better one, and the mend, when it falls back to the CPU', () => {
    const report = chooseDevice('auto', [
      { device: 'cuda', works: false, reason: 'no such library' },
      { device: 'cpu', works: true },
    ]);
    expect(report).toMatchObject({ device: 'cpu', fellBack: true });
    expect(report.tried[0]).toEqual({ device: 'cuda', works: false, reason: 'no such library', mend: mendOf('cuda') });
  });

  it('is no fall back where the CPU is all there is, or was named', () => {
    expect(chooseDevice('auto', [{ device: 'cpu', works: true }]).fellBack).toBe(false);
    expect(chooseDevice('cpu', [{ device: 'cpu', works: true }])).toMatchObject({ forced: true, fellBack: false });
  });

  it('refuses a named device that does not work, with its reason and mend', () => {
    expect(() => chooseDevice('dml', [{ device: 'dml', works: false, reason: 'no DirectX 12' }])).toThrow(
      expect.objectContaining({ code: 'device-unavailable', facts: { device: 'dml', reason: expect.stringMatching(/no DirectX 12.*Windows/) } }),
    );
  });

  it('runs its small graph on the CPU, and finds that a device of another platform is not there', async () => {
    expect(await probeDevice('cpu')).toEqual({ device: 'cpu', works: true });
    const absent = process.platform === 'win32' ? 'coreml' : 'dml';
    expect(await probeDevice(absent)).toMatchObject({ device: absent, works: false, reason: expect.any(String) });
  });
});
