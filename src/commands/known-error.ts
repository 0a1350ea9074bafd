import { FrescoError } from '../fresco-error.ts';
import type { Logger } from '../logger.ts';
import { newReference } from './user-messages.ts';

/** What was thrown, as one of our errors; anything else is logged with the reference that the person is told. */
export function knownError(error: unknown, logger: Logger): FrescoError {
  if (error instanceof FrescoError) return error;
  const reference = newReference();
  logger.error({ reference, cause: error }, 'something unexpected was thrown');
  return new FrescoError('internal', { reference }, { cause: error });
}
