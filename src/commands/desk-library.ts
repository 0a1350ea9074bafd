import type { BlobRef, ConversationKey } from '../ids.ts';
import { type ConversationSummary, type Library, type PictureRecord, type Principal, type TranscriptTurn, userKeyOf } from './contract.ts';
import type { JobDesk } from './job-desk.ts';
import { noticeMessage } from './messages.ts';
import type { TurnRecord } from './store/records.ts';
import type { Store } from './store/store.ts';

const mostConversations = 200;

/** What a person can look up: their own, and conversations they take part in. */
export class DeskLibrary implements Library {
  readonly #store: Store;
  readonly #jobs: JobDesk;

  constructor(store: Store, jobs: JobDesk) {
    this.#store = store;
    this.#jobs = jobs;
  }

  async conversations(principal: Principal): Promise<readonly ConversationSummary[]> {
    const found = await this.#store.conversationsOf(userKeyOf(principal), mostConversations);
    return found.map(({ key, title, updatedAtMs }) => ({ conversation: key, title, updatedAtMs }));
  }

  async transcript(principal: Principal, conversation: ConversationKey): Promise<readonly TranscriptTurn[]> {
    if (!(await this.#store.takesPart(userKeyOf(principal), conversation))) return [];
    const turns = await Promise.all((await this.#store.turns(conversation)).map((turn) => this.#shown(turn)));
    return turns.flatMap((turn) => turn ?? []);
  }

  async pictures(principal: Principal, limit: number): Promise<readonly PictureRecord[]> {
    const pictures = await this.#store.picturesOf(userKeyOf(principal), limit);
    return Promise.all(
      pictures.map(async ({ job, blob, prompt, width, height, createdAtMs }) => {
        const turn = (await this.#store.job(job))?.turn;
        const ref = turn === undefined ? undefined : await this.#store.linkOf(turn);
        return { job, blob, prompt, width, height, createdAtMs, ref };
      }),
    );
  }

  /** A picture is shown a moment before its job is written down, so what runs is asked first. */
  async maySee(principal: Principal, blob: BlobRef): Promise<boolean> {
    const user = userKeyOf(principal);
    const showing = [...this.#jobs.live.values()].filter(({ message }) => message.pictures.some(({ source }) => 'blob' in source && source.blob === blob));
    for (const { owner, conversation } of showing) if (owner === user || (await this.#store.takesPart(user, conversation))) return true;
    return this.#store.maySee(user, blob);
  }

  /** Undefined for a turn whose words were deleted. */
  async #shown(turn: TurnRecord): Promise<TranscriptTurn | undefined> {
    const { id, parent, role, speaker, createdAtMs, text } = turn;
    const live = turn.job === undefined ? undefined : this.#jobs.live.get(turn.job);
    const message = live?.message ?? turn.message ?? (text === '' ? undefined : { ...noticeMessage(text), kind: 'chat' as const });
    if (message === undefined) return undefined;
    return { id, parent, role, speaker, createdAtMs, message, ref: await this.#store.linkOf(id) };
  }
}
