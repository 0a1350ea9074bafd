import type { BlobRef, Seed } from '../../../src/ids.ts';
import { seedSchema } from '../../../src/ids.ts';
import { chatPlatformContract, type PlatformHarness, type ShownMessage } from '../../contracts/chat-platform-contract.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { ScriptedRunner } from '../../fakes/scripted-runner.ts';
import { SlackBench } from '../../fakes/slack/slack-bench.ts';
import { openScriptedDesk } from '../../fakes/slack/slack-desk.ts';
import { buttonsOf, SlackPerson } from '../../fakes/slack/slack-person.ts';
import { type FakeMessage, filesInBlocks } from '../../fakes/slack/slack-state.ts';

const tinyPng = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

/** The contract's view of the fake Slack: direct messages for talk, #general for commands. */
class SlackHarness implements PlatformHarness {
  readonly runner = new ScriptedRunner();
  readonly seed: Seed = seedSchema.parse(7);
  readonly #people = new Map<string, SlackPerson>();
  #bench: SlackBench | undefined;
  #blob: BlobRef | undefined;
  #store: Awaited<ReturnType<typeof openScriptedDesk>>['store'] | undefined;

  static async open(nativeStreams: boolean): Promise<SlackHarness> {
    const harness = new SlackHarness();
    const blobs = new MemoryBlobStore();
    harness.#blob = await blobs.put(tinyPng, 'png');
    harness.#bench = await SlackBench.open({
      blobs,
      desk: async (parts) => {
        const { desk, store } = await openScriptedDesk(parts, { runner: harness.runner });
        harness.#store = store;
        return desk;
      },
      settings: (defaults) => ({ ...defaults, slack: { ...defaults.slack, nativeStreams } }),
    });
    return harness;
  }

  get bench(): SlackBench {
    if (this.#bench === undefined) throw new Error('not open');
    return this.#bench;
  }
  get platform() {
    return this.bench.platform;
  }
  get blob(): BlobRef {
    if (this.#blob === undefined) throw new Error('not open');
    return this.#blob;
  }

  #person(user = 'first'): SlackPerson {
    const known = this.#people.get(user);
    if (known !== undefined) return known;
    const person = new SlackPerson(this.bench.slack, { id: `U0${user.toUpperCase().padEnd(7, '0')}`, name: user });
    this.bench.general.members.add(person.id);
    this.#people.set(user, person);
    return person;
  }

  async say(text: string, user?: string): Promise<void> {
    const person = this.#person(user);
    person.say(person.direct, text);
    await this.bench.quiet();
  }

  async command(line: string, user?: string): Promise<void> {
    const [, command = '', text = ''] = /^(\/\S+)\s*([\s\S]*)$/.exec(line) ?? [];
    await this.#person(user).command(this.bench.general, command, text);
    await this.bench.quiet();
  }

  /** Under a stream that is open, Slack itself shows the Stop. */
  async press(label: string, user?: string): Promise<void> {
    const open = this.bench.shown().findLast(({ stream }) => stream?.open === true);
    if (label === 'Stop' && open !== undefined) this.#person(user).stopStream(open);
    else {
      const message = this.bench.shown().findLast((candidate) => buttonsOf(candidate).some((button) => button.label.includes(label)));
      if (message === undefined) throw new Error(`no button ${label}`);
      await this.#person(user).press(message, label);
    }
    await this.bench.quiet();
  }

  async shown(): Promise<readonly ShownMessage[]> {
    return this.bench.shown().map((message) => ({
      text: this.bench.textOf(message),
      pictures: altsOf(message),
      buttons: [...buttonsOf(message).map(({ label }) => label.replace(/^\P{L}+/u, '')), ...(message.stream?.open === true ? ['Stop'] : [])],
      isPrivate: message.ephemeralTo !== undefined,
    }));
  }

  async pass(ms: number): Promise<void> {
    await this.bench.pass(ms, 500);
  }

  async restart(): Promise<void> {
    const { clock, blobs, settings } = this.bench;
    const { desk } = await openScriptedDesk({ clock, blobs, settings }, { runner: this.runner, ...(this.#store === undefined ? {} : { store: this.#store }) });
    await this.bench.replace(desk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bench[Symbol.asyncDispose]();
  }
}

function altsOf(message: FakeMessage): { alt: string }[] {
  return message.blocks.filter((block) => filesInBlocks(block).length > 0).map((block) => ({ alt: String(block['alt_text']) }));
}

chatPlatformContract('Slack with native streams', () => SlackHarness.open(true));
chatPlatformContract('Slack with updates only', () => SlackHarness.open(false));
