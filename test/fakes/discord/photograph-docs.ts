import { resolve } from 'node:path';
import type { ModelInfo } from '../../../src/inference/contract.ts';
import { openDeskHarness } from '../../bot/discord/desk-harness.ts';
import { paintForReal, realPicture, upToStep } from '../real-paintings.ts';
import type { ScriptedRun } from '../scripted-runner.ts';
import { visibleText } from './payloads.ts';
import { type NamedConversation, photographConversations } from './render-conversation.ts';
import type { StoredMessage } from './world.ts';

/**
 * `npx tsx test/fakes/discord/photograph-docs.ts`: plays six typical conversations on the fake (the real client, the real desk,
 * a scripted writer, the embedded painter) and photographs them for docs/discord.md.
 */

const about = { licence: 'MIT', installed: true, embedded: true, tried: true } as const;
const models: readonly ModelInfo[] = [
  { ...about, id: 'example-writer', kind: 'text', name: 'Example writer', description: 'Writes.' },
  { ...about, id: 'pocket-painter', kind: 'image', name: 'Pocket painter', description: 'Paints.', nativeSide: 256 },
];
const settings = { models: { text: 'example-writer', image: 'pocket-painter' }, limits: { waitingPerUser: 2 } };

const say = (run: ScriptedRun, text: string): void => {
  run.emit({ type: 'started', model: 'example-writer', device: 'cpu' }, { type: 'text-delta', text, tokenIds: [1] });
};
const finish = (run: ScriptedRun): void => run.finish({ type: 'finished', finishReason: 'stop', usage: {}, timings: { totalMs: 1 } });

const streamed =
  '**Rayleigh scattering** bends short waves far more than long ones:\n\n- blue light (450 nm) is scattered about five times as much as red\n- so blue reaches your eye from every side of the sky\n\n```ts\n// how much more, from the wavelengths alone\nconst ratio = (650 / 450) ** 4; // 4.35\n```\nAt dusk the light comes a longer way through the air, and';

async function play(): Promise<readonly NamedConversation[]> {
  const harness = await openDeskHarness({ settings, models, lanes: { text: { concurrency: 2, maxWaiting: 50 }, image: { concurrency: 1, maxWaiting: 50 } } });
  await using _ = harness;
  const { fake, ada, ben, guild } = harness;
  const { world } = fake;
  const next = () => harness.bench.runner.nextRun();
  const step = async (run: ScriptedRun, last: number): Promise<void> => run.emit(...upToStep(await paintForReal(run.request, harness.bench.blobs), last));
  const paint = async (run: ScriptedRun): Promise<void> => {
    harness.clock.jump(1200);
    run.emit(...(await paintForReal(run.request, harness.bench.blobs)).filter(({ type }) => type === 'image'));
    finish(run);
  };
  const shown = (look: () => StoredMessage | undefined, text: string) =>
    fake.until(() => {
      const message = look();
      return message !== undefined && visibleText(message).includes(text) && message;
    }, text);
  const taken: NamedConversation[] = [];
  const keep = (name: string, channel: string, heading: string, viewer = ada.id): void =>
    void taken.push(frozen({ world, name, channel: world.channel(channel), heading, viewer }));

  // 1: a mention becomes a thread, and the answer streams
  const general = fake.addChannel(guild, 'physics');
  const question = ada.says(general, '@fresco why is the sky blue, but not at dusk?');
  const answer = await next();
  say(answer, streamed);
  await shown(() => fake.answersIn({ id: question.id })[0], 'longer way');
  keep('streaming', question.id, '🧵 why is the sky blue, but not at dusk?');
  finish(answer);

  // 2: one picture sharpens while another waits
  const studio = fake.addChannel(guild, 'studio');
  const first = await ada.slash(studio, 'imagine', { prompt: 'a castle at night --seed 7 --steps 20' }).message();
  const painting = await next();
  const second = await ben.slash(studio, 'imagine', { prompt: 'a fox at sunset' }).message();
  await step(painting, 12);
  await shown(() => first, 'step 12 of 20');
  await shown(() => second, 'ahead');
  keep('sharpening', studio.id, '# studio');

  // 3: the finished picture
  const gallery = fake.addChannel(guild, 'gallery');
  await paint(painting);
  await paint(await next());
  const done = await ada.slash(gallery, 'imagine', { prompt: 'a castle at night --seed 7 --steps 20' }).message();
  await paint(await next());
  await shown(() => done, 'Took');
  await ada.press(done, 'Parameters').message();
  await fake.until(() => fake.answersIn(gallery).some((one) => one.onlyFor === ada.id && !visibleText(one).startsWith('…')), 'the parameters');
  keep('picture', gallery.id, '# gallery');

  // 4: four at once
  const four = fake.addChannel(guild, 'variations');
  const grid = await ben.slash(four, 'imagine', { prompt: 'a fox in the forest --count 4 --seed 7' }).message();
  await paint(await next());
  await shown(() => grid, 'Took');
  keep('four-pictures', four.id, '# variations', ben.id);

  // 5: a direct message: talk, a wish, a limit
  const dm = fake.directMessages(ada);
  ada.says(dm, 'Can you help me to name a cat? She is grey and likes to sit in windows.');
  const talk = await next();
  say(
    talk,
    'With pleasure. Three that suit a grey cat in a window:\n\n1. **Slate**, for her colour\n2. **Sill**, for her favourite place\n3. **Misty**, for both',
  );
  finish(talk);
  await shown(() => fake.answersIn(dm)[0], 'Took');
  ada.says(dm, 'Sill it is, thank you! And what do you see here?', {
    files: [ada.file('walk.png', 'image/png', await realPicture('a fox in the forest', 11, harness.bench.blobs))],
  });
  await fake.until(
    () => fake.answersIn(dm).length === 2 && visibleText(fake.answersIn(dm)[1] ?? { content: '', components: [] }).includes('see pictures'),
    'the word about pictures',
  );
  const wrong = await ada.slash(dm, 'imagine', { prompt: 'a grey cat in a window --steps 10000' }).message();
  await shown(() => wrong, 'steps');
  keep('direct-message', dm.id, '@ Fresco');

  // 6: a restart in the middle
  const workshop = fake.addChannel(guild, 'workshop');
  const cut = await ben.slash(workshop, 'imagine', { prompt: 'a fox at sunset --steps 20' }).message();
  const lost = await next();
  await step(lost, 9);
  await shown(() => cut, 'step 9 of 20');
  const asked = await ada.slash(workshop, 'ask', { prompt: 'What should we paint the boat with?' }).message();
  say(await next(), 'For a boat that lies in salt water, use a two-part epoxy primer first. Let it dry for a day, then');
  await shown(() => asked, 'dry for a day');
  await harness.restart();
  await shown(() => cut, 'restarted');
  await shown(() => asked, 'restarted');
  keep('restart', workshop.id, '# workshop', ben.id);
  return taken;
}

/** The messages as they are now; the play goes on. */
function frozen(conversation: NamedConversation): NamedConversation {
  const { world } = conversation;
  const messages = [...world.messages.values()].map((message) => ({ ...message }));
  const still = Object.create(world, {
    messages: { value: new Map(messages.map((message) => [message.id, message])) },
  });
  return { ...conversation, world: still };
}

const folder = resolve(import.meta.dirname, '../../../docs/discord');
await photographConversations(await play(), folder);
process.exit(0); // the scripted jobs of the life before the restart never end
