import { accessSync, constants, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { DeviceReport } from '../../inference/runtime/device-choice.ts';
import type { Finding } from '../finding.ts';
import type { TerminalStreams } from './terminal-output.ts';

const oldestNode = [20, 19] as const;

/** Node is new enough. */
export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isGood = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  return isGood
    ? { check: 'Node', state: 'good', found: version }
    : { check: 'Node', state: 'bad', found: version, mend: `install Node ${oldestNode.join('.')} or newer` };
}

/** The data folder can be written. */
export function checkFolder(folder: string): Finding {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return { check: 'Data folder', state: 'good', found: folder };
  } catch {
    return {
      check: 'Data folder',
      state: 'bad',
      found: `${folder} can't be written`,
      mend: 'give this user the right to write there, or set FRESCO_DATA_DIR to another folder',
    };
  }
}

/** The page's port is free (or this very bot has it). */
export async function checkPort(host: string, port: number): Promise<Finding> {
  if (port === 0) return { check: 'Port', state: 'good', found: 'any free port' };
  const isFree = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
  return isFree
    ? { check: 'Port', state: 'good', found: `${port} is free` }
    : { check: 'Port', state: 'note', found: `${port} is in use`, mend: 'if Fresco is not running now, set FRESCO_PORT to another port (0 takes any)' };
}

/** Which device the models run on and, where a better one was tried in vain, why and how to mend it. */
export function deviceFinding({ device, forced, fellBack, tried }: DeviceReport): Finding {
  const found = forced ? `${device} (by FRESCO_DEVICE)` : device;
  if (!fellBack) return { check: 'Device', state: 'good', found };
  const reasons = tried
    .filter(({ works }) => !works)
    .map(({ device: better, reason, mend }) => `${better}: ${reason ?? 'does not work'}${mend === undefined ? '' : `; ${mend}`}`);
  return { check: 'Device', state: 'note', found, mend: reasons.join('\n    ') };
}

const marks = { good: '✓', note: '!', bad: '✗' } as const;

/** Prints the findings; true when none is bad. */
export function reportFindings({ out }: TerminalStreams, findings: readonly Finding[]): boolean {
  for (const { check, state, found, mend } of findings) {
    out.write(`${marks[state]} ${check}: ${found}\n`);
    if (mend !== undefined) out.write(`    ${mend}\n`);
  }
  return findings.every(({ state }) => state !== 'bad');
}
