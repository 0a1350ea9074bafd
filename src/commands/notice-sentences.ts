import type { NoticeEvent, NoticeFacts } from '../inference/contract.ts';

type Sentences = { readonly [Code in keyof NoticeFacts]: (facts: NoticeFacts[Code]) => string };

/** What a person should know although the job went on, one sentence a notice. */
const noticeSentences = {
  'turns-dropped': ({ dropped, contextTokens }) =>
    `The ${dropped === 1 ? 'oldest message' : `oldest ${dropped} messages`} no longer fitted into my memory of ${contextTokens.toLocaleString('en-US')} tokens.`,
  'nearest-concept': ({ model, drawing }) => `${model} knows emoji-like things; drawing ${drawing}.`,
  'size-clamped': ({ width, height }) => `The nearest size this model paints is ${width} × ${height}.`,
  'batch-split': ({ count }) => `Painted ${count} pictures one after another to fit into memory.`,
  'prompt-truncated': ({ dropped }) => `The model did not read the end of the prompt: “${[...dropped].slice(0, 120).join('')}”.`,
  'repetition-ended': () => 'I began to repeat myself, so I stopped there.',
  'stopped-early': ({ step, steps }) => `Stopped at step ${step} of ${steps}, as asked.`,
  'image-blocked': ({ index }) => `The safety check held picture ${index + 1} back.`,
} satisfies Sentences;

/** The sentence for a notice. */
export function noticeSentence(notice: NoticeEvent): string {
  switch (notice.code) {
    case 'turns-dropped':
      return noticeSentences['turns-dropped'](notice.facts);
    case 'nearest-concept':
      return noticeSentences['nearest-concept'](notice.facts);
    case 'size-clamped':
      return noticeSentences['size-clamped'](notice.facts);
    case 'batch-split':
      return noticeSentences['batch-split'](notice.facts);
    case 'prompt-truncated':
      return noticeSentences['prompt-truncated'](notice.facts);
    case 'repetition-ended':
      return noticeSentences['repetition-ended']();
    case 'stopped-early':
      return noticeSentences['stopped-early'](notice.facts);
    case 'image-blocked':
      return noticeSentences['image-blocked'](notice.facts);
    default:
      return notice satisfies never;
  }
}
