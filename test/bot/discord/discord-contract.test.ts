import { seedSchema } from '../../../src/ids.ts';
import { chatPlatformContract, type PlatformHarness } from '../../contracts/chat-platform-contract.ts';
import { smallPng } from '../../fakes/desk-bench.ts';
import { allComponents } from '../../fakes/discord/component-schema.ts';
import { buttonsOf, type FakePerson } from '../../fakes/discord/fake-person.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import { openDeskHarness } from './desk-harness.ts';

async function open(): Promise<PlatformHarness> {
  const harness = await openDeskHarness();
  const people = new Map<string, FakePerson>([['first', harness.ada]]);
  const person = (name = 'first'): FakePerson => {
    const known = people.get(name) ?? harness.fake.addPerson(name);
    people.set(name, known);
    return known;
  };
  const blob = await harness.bench.blobs.put(smallPng, 'png');
  const answers = () =>
    [...harness.fake.world.messages.values()]
      .filter(({ authorId }) => authorId === harness.fake.world.botId)
      .sort((left, right) => (BigInt(left.id) < BigInt(right.id) ? -1 : 1));
  return {
    get platform() {
      return harness.platform;
    },
    get runner() {
      return harness.bench.runner;
    },
    blob,
    seed: seedSchema.parse(7),
    say: async (text, user) => void person(user).says(harness.fake.directMessages(person(user)), text),
    command: async (line, user) => {
      const [, name = '', text = ''] = /^\/(\S+)\s*(.*)$/s.exec(line) ?? [];
      await person(user).slash(harness.channel, name, { prompt: text }).acknowledged();
    },
    press: async (label, user) => {
      const message = answers().findLast((answer) => buttonsOf(answer).includes(label));
      if (message === undefined) throw new Error(`no message with ${label}`);
      await person(user).press(message, label).acknowledged();
    },
    shown: async () =>
      answers().map((message) => ({
        text: visibleText(message),
        pictures: allComponents(message.components).flatMap((part) => (part.type === 12 ? part.items.map((item) => ({ alt: item.description ?? '' })) : [])),
        buttons: buttonsOf(message),
        isPrivate: message.onlyFor !== undefined,
      })),
    pass: async () => {},
    restart: () => harness.restart(),
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };
}

chatPlatformContract('Discord', open);
