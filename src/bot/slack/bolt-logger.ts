import { LogLevel } from '@slack/bolt';
import type { Logger } from '../../logger.ts';

/** Bolt's logger over ours. Only its warnings and errors, cut short: its debug lines carry whole messages and tokens. */
export function boltLogger(logger: Logger) {
  const line = (parts: readonly unknown[]): string =>
    parts
      .map((part) => (part instanceof Error ? part.message : typeof part === 'string' ? part : ''))
      .join(' ')
      .replace(/xox[a-z]-[\w-]+|xapp-[\w-]+|https:\/\/hooks\.slack\.com\S+|wss?:\/\/\S+/g, '[redacted]')
      .slice(0, 300);
  return {
    debug: () => {},
    info: () => {},
    warn: (...parts: unknown[]) => logger.warn({}, `bolt: ${line(parts)}`),
    error: (...parts: unknown[]) => logger.warn({}, `bolt: ${line(parts)}`),
    setLevel: () => {},
    getLevel: () => LogLevel.WARN,
    setName: () => {},
  };
}
