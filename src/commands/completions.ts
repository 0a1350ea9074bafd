import type { Choice, CompletionQuery } from './contract.ts';
import { userKeyOf } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { oneLine, shortText } from './prompt-text.ts';

const most = 25;
/** Platforms allow so many characters for a choice's name and value. */
const longestChoice = 100;

/** What may be meant by the letters typed so far; from memory, at once. */
export function completionsFor(tools: DeskTools, { principal, command, option, typed }: CompletionQuery): readonly Choice[] {
  return matching(candidates(tools, command, option, principal), typed);
}

function candidates(tools: DeskTools, command: string, option: string, principal: CompletionQuery['principal']): readonly Choice[] {
  const plain = (values: readonly string[]): Choice[] => values.map((value) => ({ name: value, value }));
  if (option === 'model' || (command === 'model' && option === 'name')) return models(tools, command);
  if (command === 'imagine' && option === 'prompt') return plain([...tools.memory.prompts(userKeyOf(principal)), ...(tools.painterConcepts ?? [])]);
  if (option === 'sampler') return plain(tools.samplers ?? []);
  if (option === 'size') return plain(['1:1', '3:2', '2:3', '4:3', '3:4', '16:9', '9:16']);
  if (command === 'help') return plain(tools.specs.map(({ name }) => name));
  if (command === 'cancel') return ownJobs(tools, principal);
  return [];
}

function models(tools: DeskTools, command: string): readonly Choice[] {
  const kinds = command === 'imagine' ? ['image'] : command === 'ask' || command === 'summarize' ? ['text'] : ['text', 'image'];
  const installed = tools.models.list().filter((model) => model.installed && kinds.includes(model.kind));
  return installed.map(({ id, name, kind }) => ({ name: oneLine(`${name} (${kind})`, longestChoice), value: id }));
}

function ownJobs(tools: DeskTools, principal: CompletionQuery['principal']): readonly Choice[] {
  const owner = userKeyOf(principal);
  return [...tools.jobs.live.values()]
    .filter((job) => job.owner === owner)
    .map(({ id, lane }) => ({ name: `${lane} job ${id.slice(0, 6)}`, value: id.slice(0, 6) }));
}

function matching(choices: readonly Choice[], typed: string): readonly Choice[] {
  const wanted = typed.trim().toLowerCase();
  const fits = choices.filter(({ name, value }) => value.length <= longestChoice && `${name} ${value}`.toLowerCase().includes(wanted));
  const first = fits.filter(({ name }) => name.toLowerCase().startsWith(wanted));
  return [...new Map([...first, ...fits].map((choice) => [choice.value, { ...choice, name: shortText(choice.name, longestChoice) }])).values()].slice(0, most);
}
