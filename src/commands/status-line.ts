import type { Status } from './contract.ts';
import { durationWords, waitWords } from './plain-words.ts';

/** A status as one short line, the same on every platform: "Painting: step 12 of 30", "2 ahead of you, about 40 s". */
export function statusLine(status: Status): string {
  switch (status.phase) {
    case 'queued':
      return queuedLine(status.position, status.etaMs);
    case 'loading':
      return `Loading ${status.model} …`;
    case 'writing':
      return 'Writing …';
    case 'painting':
      return status.step === 0 ? 'Painting …' : `Painting: step ${status.step} of ${status.steps}`;
    case 'done':
      return `Took ${durationWords(status.tookMs)}`;
    case 'failed':
      return 'Not done';
    default:
      return status satisfies never;
  }
}

function queuedLine(position: number, etaMs: number | undefined): string {
  if (position === 0) return 'Starting …';
  const eta = etaMs === undefined || etaMs === 0 ? '' : `, ${waitWords(etaMs)}`;
  return `${position} ahead of you${eta}`;
}
