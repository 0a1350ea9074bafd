import { describe, expect, it, vi } from 'vitest';
import type { ChatPlatform } from '../../src/bot/contract.ts';
import { FrescoError } from '../../src/fresco-error.ts';
import type { BlobRef, Seed } from '../../src/ids.ts';
import type { GenerationEvent } from '../../src/inference/contract.ts';
import type { ScriptedRunner } from '../fakes/scripted-runner.ts';

/** A message of the bot as a person sees it now. */
export interface ShownMessage {
  readonly text: string;
  readonly pictures: readonly { readonly alt: string }[];
  /** Labels, without emoji. */
  readonly buttons: readonly string[];
  /** Seen by the sender alone. */
  readonly isPrivate: boolean;
}

/** One platform on its fake (or its page), over the real desk and a scripted runner. */
export interface PlatformHarness extends AsyncDisposable {
  readonly platform: ChatPlatform;
  readonly runner: ScriptedRunner;
  /** A stored picture that the scripted runner may give as its result. */
  readonly blob: BlobRef;
  readonly seed: Seed;
  /** A person writes to the bot where no mention is needed. Resolves when the platform took it. */
  say(text: string, user?: string): Promise<void>;
  /** A person uses a command with its options typed: `/imagine a fox --steps 4`. */
  command(line: string, user?: string): Promise<void>;
  /** A person presses the button with this label on the newest message that has it. */
  press(label: string, user?: string): Promise<void>;
  /** All messages of the bot in the order they were posted; deleted ones are gone. */
  shown(): Promise<readonly ShownMessage[]>;
  /** Lets the pacers go on. */
  pass(ms: number): Promise<void>;
  /** Kills the bot without goodbye and starts it again on the same store. */
  restart(): Promise<void>;
}

const delta = (text: string): GenerationEvent => ({ type: 'text-delta', text, tokenIds: [1] });
const started: GenerationEvent = { type: 'started', model: 'test-model', device: 'cpu' };

/** What every chat platform does, whatever it looks like. */
export function chatPlatformContract(name: string, open: () => Promise<PlatformHarness>): void {
  /** Lets time pass until the condition holds. */
  const until = async (harness: PlatformHarness, check: (shown: readonly ShownMessage[]) => void): Promise<void> => {
    await vi.waitFor(
      async () => {
        await harness.pass(1500);
        check(await harness.shown());
      },
      { timeout: 15_000, interval: 20 },
    );
  };
  const allText = (shown: readonly ShownMessage[]): string => shown.map(({ text }) => text).join('\n');
  const pictureEvents = (harness: PlatformHarness, prompt: string): GenerationEvent => ({
    type: 'image',
    index: 0,
    blob: harness.blob,
    seed: harness.seed,
    width: 64,
    height: 64,
    parameters: { prompt, model: 'test-model', width: 64, height: 64, steps: 4, guidanceScale: 4, sampler: 'DDIM', seed: harness.seed },
  });

  describe(`${name} as a chat platform`, () => {
    it('shows an answer growing and then whole', async () => {
      await using harness = await open();
      await harness.say('hello there');
      const run = await harness.runner.nextRun();
      run.emit(started, delta('Good '));
      await until(harness, (shown) => expect(allText(shown)).toContain('Good'));
      run.emit(delta('morning to you.'));
      run.finish();
      await until(harness, (shown) => expect(allText(shown)).toContain('Good morning to you.'));
    });

    it('shows a painted picture with its prompt as alternative text and buttons to go on', async () => {
      await using harness = await open();
      await harness.command('/imagine a fox --steps 4');
      const run = await harness.runner.nextRun();
      expect(run.request).toMatchObject({ kind: 'image', prompt: 'a fox', steps: 4 });
      run.emit(started, pictureEvents(harness, 'a fox'));
      run.finish();
      await until(harness, (shown) => {
        const last = shown.at(-1);
        expect(last?.pictures).toHaveLength(1);
        expect(last?.pictures[0]?.alt).toContain('a fox');
        expect(last?.buttons.length).toBeGreaterThan(1);
      });
    });

    it('answers a wrong option at once, without a job', async () => {
      await using harness = await open();
      await harness.command('/imagine a fox --steps 10000');
      await until(harness, (shown) => {
        expect(allText(shown)).toMatch(/steps/);
        expect(allText(shown)).toMatch(/10,?000/);
        if (harness.platform.capabilities.ephemeral) expect(shown.at(-1)?.isPrivate).toBe(true);
      });
      expect(harness.runner.runs).toHaveLength(0);
    });

    it('ends a stopped answer with what there is', async () => {
      await using harness = await open();
      await harness.say('tell me a long story');
      const run = await harness.runner.nextRun();
      run.emit(started, delta('Once upon a time'));
      await until(harness, (shown) => expect(shown.some(({ buttons }) => buttons.includes('Stop'))).toBe(true));
      await harness.press('Stop');
      await until(harness, (shown) => {
        expect(allText(shown)).toContain('Once upon a time');
        expect(shown.some(({ buttons }) => buttons.includes('Stop'))).toBe(false);
      });
      expect(run.control.signal.aborted || run.control.keep.aborted).toBe(true);
    });

    it('says a failure in a sentence and does it again at the press of a button', async () => {
      await using harness = await open();
      await harness.say('hello');
      (await harness.runner.nextRun()).fail(new FrescoError('host-died', { lane: 'text', attempts: 2 }));
      await until(harness, (shown) => expect(shown.at(-1)?.buttons).toContain('Try again'));
      expect(allText(await harness.shown())).not.toMatch(/host-died|Error|undefined/);
      await harness.press('Try again');
      const again = await harness.runner.nextRun();
      again.emit(started, delta('There you are.'));
      again.finish();
      await until(harness, (shown) => expect(allText(shown)).toContain('There you are.'));
    });

    it('shows a long answer whole, in pieces that fit', async () => {
      await using harness = await open();
      const words = Array.from({ length: 900 }, (_, index) => `word${index}`).join(' ');
      await harness.say('say a lot');
      const run = await harness.runner.nextRun();
      run.emit(started, delta(words));
      run.finish();
      await until(harness, (shown) => {
        for (const word of ['word0 ', 'word450', 'word899']) expect(allText(shown)).toContain(word);
        for (const { text } of shown) expect(text.length).toBeLessThanOrEqual(harness.platform.capabilities.maxText);
      });
    });

    it("does not let one person stop another's job", async ({ skip }) => {
      await using harness = await open();
      await harness.command('/imagine a lighthouse', 'first');
      const run = await harness.runner.nextRun();
      run.emit(started, { type: 'step', step: 1, steps: 4, image: 0 });
      await until(harness, (shown) => expect(shown.some(({ buttons }) => buttons.includes('Cancel'))).toBe(true));
      skip(harness.platform.name === 'web', "a page shows nobody else's buttons; forged presses are tested with its server");
      await harness.press('Cancel', 'second');
      await harness.pass(1500);
      expect(run.control.signal.aborted).toBe(false);
      run.finish();
    });

    it('ends what a restart interrupted with a sentence and a button that works', async () => {
      await using harness = await open();
      await harness.command('/imagine a castle');
      const run = await harness.runner.nextRun();
      run.emit(started, { type: 'step', step: 1, steps: 4, image: 0 });
      await until(harness, (shown) => expect(allText(shown)).toMatch(/step 1 of 4/i));
      await harness.restart();
      await until(harness, (shown) => expect(shown.at(-1)?.buttons).toContain('Try again'));
      await harness.press('Try again');
      const again = await harness.runner.nextRun();
      expect(again.request).toMatchObject({ kind: 'image', prompt: 'a castle' });
      again.emit(started, pictureEvents(harness, 'a castle'));
      again.finish();
      await until(harness, (shown) => expect(shown.at(-1)?.pictures).toHaveLength(1));
    });

    it('tells whether it is connected', async () => {
      await using harness = await open();
      expect(harness.platform.health()).toMatchObject({ connected: true });
      await harness.platform.stop();
      expect(harness.platform.health()).toMatchObject({ connected: false });
    });
  });
}
