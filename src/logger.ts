import { pino } from 'pino';

/** The part of a logger that Fresco uses; facts first, then a plain sentence. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  child(bindings: object): Logger;
}

/** Keys whose values never reach a log, at the top or one level down. */
const secretKeys = ['token', 'authorization', 'password', 'secret', 'prompt', 'negativePrompt', 'text', 'content', 'messages', 'responseUrl', 'requestBody'];

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A structured logger on standard error with tokens, prompts and messages redacted. */
export function createLogger(options: { readonly level: LogLevel; readonly destination?: NodeJS.WritableStream }): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
      serializers: { cause: pino.stdSerializers.err, error: pino.stdSerializers.err },
    },
    options.destination ?? process.stderr,
  );
}

/** A logger that says nothing. */
export const silentLogger: Logger = createLogger({ level: 'silent' });
