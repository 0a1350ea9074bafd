import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { checkFolder, checkNode, checkPort, reportFindings } from '../../src/bot/terminal/doctor-terminal.ts';

describe('fresco doctor', () => {
  it('wants Node 20.19 or newer', () => {
    expect(checkNode('20.19.0').state).toBe('good');
    expect(checkNode('24.1.0').state).toBe('good');
    expect(checkNode('20.18.9')).toMatchObject({ state: 'bad', mend: expect.stringContaining('20.19') });
  });

  it('tells a folder that cannot be made', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fresco-doctor-'));
    expect(checkFolder(join(folder, 'new')).state).toBe('good');
    writeFileSync(join(folder, 'file'), '');
    expect(checkFolder(join(folder, 'file', 'below')).state).toBe('bad');
  });

  it('tells a port in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await checkPort('127.0.0.1', port)).toMatchObject({ state: 'note', mend: expect.stringContaining('FRESCO_PORT') });
    await new Promise((resolve) => server.close(resolve));
    expect((await checkPort('127.0.0.1', port)).state).toBe('good');
  });

  it('prints each finding with its mend and says whether all is well', () => {
    const out = new PassThrough();
    const isWell = reportFindings({ out, err: new PassThrough() }, [
      { check: 'Node', state: 'good', found: '24.0.0' },
      { check: 'Port', state: 'bad', found: 'in use', mend: 'choose another' },
    ]);
    expect(isWell).toBe(false);
    expect(String(out.read())).toBe('✓ Node: 24.0.0\n✗ Port: in use\n    choose another\n');
  });
});
