import { seedSchema } from '../../../src/ids.ts';
import { chatPlatformContract, type PlatformHarness } from '../../contracts/chat-platform-contract.ts';
import { smallPng } from '../../fakes/desk-bench.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { WebBench } from './web-bench.ts';

async function harness(): Promise<PlatformHarness> {
  const clock = new FakeClock();
  const web = await WebBench.open({ clock });
  const blob = await web.bench.blobs.put(smallPng, 'png');
  return {
    get platform() {
      return web.platform;
    },
    get runner() {
      return web.bench.runner;
    },
    blob,
    seed: seedSchema.parse(7),
    say: async (text, user = 'ana') => void (await (await web.visitor(user)).say(text)),
    command: async (line, user = 'ana') => void (await (await web.visitor(user)).command(line)),
    press: async (label, user = 'ana') => void (await (await web.visitor(user)).press(label)),
    shown: async () => {
      const visitor = await web.visitor('ana');
      const others = await web.visitor('first');
      return [...visitor.shown(), ...others.shown()].map(({ id, text, statusLine = '', pictures, actions }) => ({
        text: `${text}\n${statusLine}`,
        pictures,
        buttons: actions.map(({ label }) => label),
        isPrivate: visitor.privateIds.has(id),
      }));
    },
    pass: (ms) => clock.advance(ms),
    restart: () => web.restart(),
    [Symbol.asyncDispose]: () => web[Symbol.asyncDispose](),
  };
}

chatPlatformContract('the page', harness);
