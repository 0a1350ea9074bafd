import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldEvent, foldFailure, type JobView, parameterLine, renderJobView, startJobView } from '../../src/commands/job-view.ts';
import { FrescoError } from '../../src/fresco-error.ts';
import { blobRefOf, newJobId, seedSchema } from '../../src/ids.ts';
import type { GenerationEvent } from '../../src/inference/contract.ts';

const job = newJobId();
const chat = startJobView({ job, kind: 'chat', askedAtMs: 1000, prompt: 'hi', ahead: 0 });
const picture = startJobView({ job, kind: 'picture', askedAtMs: 1000, prompt: 'a *fox*', ahead: 2 });
const fold = (view: JobView, ...events: readonly GenerationEvent[]): JobView => events.reduce((folded, event) => foldEvent(folded, event, 5000), view);
const step = (number: number, withPreview = false): GenerationEvent => ({
  type: 'step',
  step: number,
  steps: 4,
  image: 0,
  ...(withPreview ? { preview: { bytes: Uint8Array.of(number), mediaType: 'image/webp', width: 64, height: 64 } } : {}),
});
const image = (index: number): GenerationEvent => {
  const seed = seedSchema.parse(7 + index);
  const parameters = { prompt: 'a fox', model: '/models/sdxl', width: 512, height: 512, steps: 4, guidanceScale: 7.5, sampler: 'Euler', seed };
  return { type: 'image', index, blob: blobRefOf(Uint8Array.of(index), 'png'), seed, width: 512, height: 512, parameters };
};
const finished: GenerationEvent = { type: 'finished', finishReason: 'stop', usage: {}, timings: { totalMs: 3 } };

const event = fc.oneof(
  fc.constantFrom<GenerationEvent>(
    finished,
    { type: 'restarted' },
    { type: 'loading', model: 'm' },
    { type: 'started', model: 'm', device: 'cpu' },
    step(1),
    step(2, true),
    image(0),
    image(2),
  ),
  fc.nat(9).map((position): GenerationEvent => ({ type: 'queued', position, etaMs: undefined })),
  fc.string().map((text): GenerationEvent => ({ type: 'text-delta', text, tokenIds: [] })),
);

describe('a job’s view', () => {
  it('begins with its place in the queue and a way out', () => {
    expect(renderJobView(picture)).toEqual({
      kind: 'picture',
      text: '**a \\*fox\\***',
      pictures: [],
      actions: [{ id: `v1:cancel:${job}`, label: 'Cancel', emoji: '✖️', style: 'secondary' }],
      status: { phase: 'queued', position: 2, etaMs: undefined },
      final: false,
    });
  });

  it('keeps the last preview between those that come seldom, and drops it for the picture', () => {
    const view = fold(picture, step(1, true), step(2));
    expect(renderJobView(view).pictures).toMatchObject([{ source: { kind: 'preview' }, alt: 'a *fox*', width: 64 }]);
    expect(renderJobView(fold(view, image(0))).pictures).toMatchObject([{ source: { kind: 'blob' }, width: 512 }]);
  });

  it('says how long it took from the asking on, and how it can be painted again', () => {
    const message = renderJobView(fold(picture, image(0), finished));
    expect(message.status).toEqual({ phase: 'done', tookMs: 4000 });
    expect(message.text).toBe('**a \\*fox\\***\nseed 7 · 512 × 512 · 4 steps · guidance 7.5 · Euler · sdxl');
    expect(parameterLine([])).toBe('');
  });

  it('keeps what text there is when it fails, with the sentence and a way on', () => {
    const view = foldFailure(fold(chat, { type: 'text-delta', text: 'Half', tokenIds: [] }), new FrescoError('deadline-exceeded', { limitMs: 60_000 }), 5000);
    const message = renderJobView(view);
    expect(message.text).toBe('Half\n\nThis took longer than the limit of 60 s, so I stopped it. A smaller request may fit.');
    expect(message.actions.map(({ label }) => label)).toEqual(['Again', 'Go on']);
    expect(message.status).toEqual({ phase: 'failed' });
  });

  it('offers no second try of what can only fail again', () => {
    const view = foldFailure(picture, new FrescoError('size-unsupported', { width: 1, height: 1, expected: 'more' }), 5000);
    expect(renderJobView(view).actions.map(({ label }) => label)).toEqual(['Edit prompt']);
  });

  it('shows nothing of the first run after a restart', () => {
    const view = fold(
      chat,
      { type: 'text-delta', text: 'Half', tokenIds: [] },
      { type: 'restarted' },
      { type: 'text-delta', text: 'Whole', tokenIds: [] },
      finished,
    );
    expect(renderJobView(view).text).toBe('Whole');
  });

  it('survives any order of events, and is final only at its end', () => {
    fc.assert(
      fc.property(fc.constantFrom(chat, picture), fc.array(event, { maxLength: 20 }), (start, events) => {
        const view = fold(start, ...events);
        const message = renderJobView(view);
        expect(message.final).toBe(view.ending !== undefined);
        expect(message.actions.length).toBeLessThanOrEqual(25);
        expect(renderJobView(foldFailure(view, new FrescoError('cancelled', { by: 'x' }), 9000)).final).toBe(true);
        expect(new Set(message.actions.map(({ id }) => id)).size).toBe(message.actions.length);
      }),
    );
  });
});
