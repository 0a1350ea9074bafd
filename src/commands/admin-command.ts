import { FrescoError } from '../fresco-error.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import type { CommandInvocation, Reception, TypedInvocation } from './contract.ts';
import { botScope } from './desk-memory.ts';
import { type DeskTools, requireAdmin } from './desk-tools.ts';
import { noticeMessage } from './messages.ts';
import { setModel } from './model-command.ts';
import { durationWords } from './plain-words.ts';
import { privately } from './press-handlers.ts';

export const adminSpec = {
  name: 'admin',
  description: 'For those who run me: pause, resume, model, stats, drain',
  adminOnly: true,
  example: '/admin stats',
  options: [
    {
      type: 'choice',
      name: 'action',
      description: 'What to do',
      required: true,
      choices: [
        { name: 'pause: take no new work', value: 'pause' },
        { name: 'resume: take work again', value: 'resume' },
        { name: 'model: set the default model', value: 'model' },
        { name: 'stats: how much was done', value: 'stats' },
        { name: 'drain: finish what runs, then rest', value: 'drain' },
      ],
    },
    { type: 'text', name: 'model', description: 'With “model”: the new default; “default” goes back', maxLength: 200, completes: true },
  ],
} as const satisfies CommandSpec;

const dayMs = 24 * 3_600_000;

/** For those who run the bot. */
export function receiveAdmin(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  requireAdmin(invocation, tools, 'this command');
  const options = optionsOf(adminSpec, typedAction(invocation));
  const answer = (text: string): Reception => ({ kind: 'answer', message: noticeMessage(text), audience: 'sender' });
  switch (options.text('action')) {
    case 'pause':
      tools.queue.pause();
      return answer('Paused: what runs goes on, nothing new is taken.');
    case 'resume':
      tools.queue.resume();
      return answer('I take work again.');
    case 'model': {
      const name = options.text('model');
      if (name === undefined) throw new FrescoError('option-invalid', { option: 'model', found: 'nothing', expected: 'the name of a model' });
      return answer(setModel(tools, botScope, name, 'For everyone who chose nothing'));
    }
    case 'stats':
      return privately(tools, () => statsText(tools));
    default:
      return drain(tools);
  }
}

/** `/admin pause` typed in one go: the first words are the action and the model. */
function typedAction(invocation: CommandInvocation | TypedInvocation): CommandInvocation | TypedInvocation {
  if (invocation.kind !== 'typed' || invocation.text.includes('--')) return invocation;
  const [action, model] = invocation.text.trim().split(/\s+/);
  const { principal, place, receivedAtMs, command } = invocation;
  return { kind: 'command', command, options: { ...(action ? { action } : {}), ...(model ? { model } : {}) }, principal, place, receivedAtMs };
}

async function statsText(tools: DeskTools): Promise<string> {
  const lanes = tools.queue
    .stats()
    .map(
      ({ lane, waiting, running, finished, failed, paused }) =>
        `- ${lane}: ${running} running, ${waiting} waiting, ${finished} done and ${failed} failed since the start${paused ? ', paused' : ''}`,
    );
  const totals = await tools.store.usageTotals(tools.clock.now() - dayMs);
  const used = totals.map(
    ({ lane, jobs, people, completionTokens, images, totalMs }) =>
      `- ${lane}, last 24 hours: ${jobs} jobs of ${people} people, ${lane === 'text' ? `${completionTokens} tokens` : `${images} pictures`}, ${durationWords(totalMs)} of work`,
  );
  return [...lanes, ...used].join('\n');
}

/** Takes nothing new from now on and resolves when what runs has ended. */
function drain(tools: DeskTools): Reception {
  tools.admission.isDraining = true;
  return privately(tools, async (gone) => {
    await Promise.race([tools.queue.drain(new AbortController().signal), aborted(gone)]);
    return 'Drained: nothing runs any more. I take work again after a restart.';
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
