import type { ConversationKey, JobId, UserKey } from '../ids.ts';
import { type Place, type Principal, userKeyOf } from './contract.ts';
import type { Choices, JobNote } from './store/records.ts';
import type { Store } from './store/store.ts';

/** Older jobs are looked up in the store when their button is pressed. */
const rememberedJobs = 20_000;
const rememberedAnswers = 500;
const rememberedThreads = 100_000;
const promptsPerPerson = 25;

/** What must be known at once, kept beside the store and loaded from it at the start. */
export class DeskMemory {
  readonly #jobs = new Map<JobId, JobNote>();
  readonly #answers = new Map<JobId, string>();
  readonly #threads = new Set<ConversationKey>();
  readonly #choices = new Map<string, Choices>();
  readonly #prompts = new Map<UserKey, readonly string[]>();

  static async load(store: Store): Promise<DeskMemory> {
    const memory = new DeskMemory();
    for (const job of (await store.recentJobs(rememberedJobs)).toReversed()) memory.rememberJob(job);
    for (const key of await store.ownedThreads(rememberedThreads)) memory.#threads.add(key);
    for (const { scope, choices } of await store.choices()) memory.#choices.set(scope, choices);
    return memory;
  }

  job(id: JobId): JobNote | undefined {
    return this.#jobs.get(id);
  }

  rememberJob(note: JobNote): void {
    this.#jobs.set(note.id, note);
    if (this.#jobs.size > rememberedJobs) for (const oldest of this.#jobs.keys()) if (this.#jobs.delete(oldest)) break;
    if (note.kind === 'picture') this.#rememberPrompt(note.owner, note.prompt);
  }

  forgetJob(id: JobId): void {
    this.#jobs.delete(id);
    this.#answers.delete(id);
  }

  /** The text of a recent answer, so that it stays in sight while it goes on. */
  answer(id: JobId): string | undefined {
    return this.#answers.get(id);
  }
  rememberAnswer(id: JobId, text: string): void {
    this.#answers.set(id, text);
    if (this.#answers.size > rememberedAnswers) for (const oldest of this.#answers.keys()) if (this.#answers.delete(oldest)) break;
  }

  ownsThread(key: ConversationKey): boolean {
    return this.#threads.has(key);
  }
  takeThread(key: ConversationKey): void {
    this.#threads.add(key);
  }
  leaveThread(key: ConversationKey): void {
    this.#threads.delete(key);
  }

  /** A person's past prompts, the newest first. */
  prompts(owner: UserKey): readonly string[] {
    return this.#prompts.get(owner) ?? [];
  }

  choices(scope: string): Choices {
    return this.#choices.get(scope) ?? {};
  }
  setChoices(scope: string, choices: Choices): void {
    this.#choices.set(scope, choices);
  }
  /** What counts for this person here: their own choice, else the channel's, else the bot's. */
  choicesFor(principal: Principal, place: Place): Choices {
    return { ...this.choices(botScope), ...this.choices(channelScope(place)), ...this.choices(userScope(principal)) };
  }

  #rememberPrompt(owner: UserKey, prompt: string): void {
    const others = this.prompts(owner).filter((other) => other !== prompt);
    this.#prompts.set(owner, [prompt, ...others].slice(0, promptsPerPerson));
  }
}

export const botScope = 'bot';
export function userScope(principal: Principal): string {
  return `user:${userKeyOf(principal)}`;
}
/** Threads share their channel's choices. */
export function channelScope({ platform, workspace, parentChannel }: Place): string {
  return `channel:${platform}:${workspace}:${parentChannel}`;
}
