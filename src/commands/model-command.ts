import { changeChoices } from './change-choices.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import type { CommandInvocation, Reception, TypedInvocation } from './contract.ts';
import { channelScope, userScope } from './desk-memory.ts';
import { type Asker, chosenModel, type DeskTools, installedModel, requireAdmin } from './desk-tools.ts';
import { noticeMessage } from './messages.ts';
import type { Choices } from './store/records.ts';

export const modelSpec = {
  name: 'model',
  description: 'List the models, or pick one',
  aliases: ['models'],
  example: '/model pocket-painter',
  options: [
    { type: 'text', name: 'name', description: 'The model to use from now on; “default” goes back', maxLength: 200, isRest: true, completes: true },
    {
      type: 'choice',
      name: 'for',
      description: 'Whose choice it is; a channel’s is for admins',
      choices: [
        { name: 'me', value: 'me' },
        { name: 'this channel', value: 'channel' },
      ],
    },
  ],
} as const satisfies CommandSpec;

/** Lists the models, or picks one: for oneself, or, by an admin, for the channel. */
export function receiveModel(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  const options = optionsOf(modelSpec, invocation);
  const name = options.text('name');
  if (name === undefined || name === 'list') return { kind: 'answer', message: noticeMessage(modelList(tools, invocation)), audience: 'sender' };
  const isChannel = options.text('for') === 'channel';
  if (isChannel) requireAdmin(invocation, tools, 'a channel’s model');
  const scope = isChannel ? channelScope(invocation.place) : userScope(invocation.principal);
  const text = setModel(tools, scope, name, isChannel ? 'In this channel' : 'For you');
  return { kind: 'answer', message: noticeMessage(text), audience: 'sender' };
}

/** Picks a model for a scope and says so. Throws 'model-unknown', 'model-not-installed'. */
export function setModel(tools: DeskTools, scope: string, name: string, who: string): string {
  if (name === 'default') {
    const { textModel: _text, imageModel: _image, ...rest } = tools.memory.choices(scope);
    changeChoices(tools, scope, rest);
    return `${who} the defaults count again.`;
  }
  const model = installedModel(tools, name, ['text', 'image']);
  const choice: Choices = model.kind === 'image' ? { imageModel: model.id } : { textModel: model.id };
  changeChoices(tools, scope, { ...tools.memory.choices(scope), ...choice });
  return `${who} ${model.name} ${model.kind === 'image' ? 'paints' : 'answers'} from now on.`;
}

function modelList(tools: DeskTools, { principal, place }: Asker): string {
  const choices = tools.memory.choicesFor(principal, place);
  const current = new Set([chosenModel(tools, 'text', undefined, choices), chosenModel(tools, 'image', undefined, choices)]);
  const lines = (kind: 'text' | 'image'): string[] =>
    tools.models
      .list()
      .filter((model) => model.kind === kind && model.installed)
      .slice(0, 25)
      .map((model) => `- \`${model.id}\`${current.has(model.id) ? ' **(in use)**' : ''}: ${model.description}`);
  return ['**Writing**', ...lines('text'), '**Painting**', ...lines('image'), 'Pick one with `/model NAME`.'].join('\n');
}
