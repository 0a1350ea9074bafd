import type { Clock } from '../clock.ts';
import { FrescoError } from '../fresco-error.ts';
import { type ConversationKey, type JobId, newJobId } from '../ids.ts';
import { type InferenceRequest, type JobQueue, type Lane, laneOf } from '../inference/contract.ts';
import type { Logger } from '../logger.ts';
import type { Admission, Ticket } from './admission.ts';
import { type Message, type MessageRef, type Place, type Principal, type Reception, type Surface, userKeyOf } from './contract.ts';
import type { DeskMemory } from './desk-memory.ts';
import type { JobOwnership } from './job-access.ts';
import { resultOf } from './job-result.ts';
import { foldEvent, foldFailure, isTrouble, type JobView, type JobViewStart, renderJobView, startJobView } from './job-view.ts';
import { knownError } from './known-error.ts';
import { type EndState, type JobRecord, type JobTask, noteOf, type TurnRecord } from './store/records.ts';
import type { Store } from './store/store.ts';

/** A job as a command asks for it: what is known at once, and how to find out the rest. */
export interface JobPlan {
  readonly principal: Principal;
  readonly place: Place;
  readonly receivedAtMs: number;
  readonly lane: Lane;
  readonly view: Omit<JobViewStart, 'job' | 'askedAtMs' | 'ahead'>;
  readonly isPrivate: boolean;
  readonly on: 'new' | 'pressed';
  /**
   * Fetches and checks what takes time (files, pictures), then returns the part that is done when it is the conversation's turn.
   * Errors end the job with their sentence.
   */
  prepare(job: JobId, signal: AbortSignal): Promise<() => Promise<PreparedJob>>;
}
export interface PreparedJob {
  readonly task: JobTask;
  readonly request: InferenceRequest;
  readonly conversation: ConversationKey;
  readonly title: string;
  readonly ownsThread: boolean;
  /** Turns to add, parents first. */
  readonly turns: readonly TurnRecord[];
  /** The assistant's turn that shows the job; one of `turns`, or an earlier one that goes on. */
  readonly turn: string;
  /** What is known of the view only now: the answer so far where one goes on, an earlier job's prompt. */
  readonly view?: Partial<Pick<JobView, 'before' | 'prompt' | 'spoiler' | 'followUps'>>;
  /** The platform's message that the question came in. */
  readonly askedIn?: { readonly turn: string; readonly message: string };
}

/** A job from its first word to its last, with the message that shows it. */
export interface LiveJob extends JobOwnership {
  readonly id: JobId;
  readonly lane: Lane;
  readonly conversation: ConversationKey;
  message: Message;
  readonly cancel: AbortController;
}
interface Performance {
  readonly record: JobRecord;
  readonly request: InferenceRequest;
  readonly view: JobView;
  readonly ticket: Ticket;
  readonly surface: Surface;
  readonly live: LiveJob;
}
export interface JobDeskTools {
  readonly queue: JobQueue;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory: DeskMemory;
  readonly admission: Admission;
}

/** The desk has let the job in already, by the person's own limits. */
const noFurtherLimit = 1_000_000;

/** Runs jobs from admission to the last word in their message. Whatever happens to a job, its message says so in the end. */
export class JobDesk {
  readonly live = new Map<JobId, LiveJob>();
  readonly #tools: JobDeskTools;
  readonly #turns = new Map<ConversationKey, Promise<unknown>>();

  constructor(tools: JobDeskTools) {
    this.#tools = tools;
  }

  /** Lets a job in, or throws why not. What is left to do is in the reception's `run`. */
  open(plan: JobPlan): Reception {
    const { principal, receivedAtMs: askedAtMs, isPrivate, on } = plan;
    const ticket = this.#tools.admission.admit(principal, userKeyOf(principal), plan.lane);
    const job = newJobId();
    const view = startJobView({ ...plan.view, job, askedAtMs, ahead: ticket.ahead });
    return {
      kind: 'work',
      opening: renderJobView(view),
      audience: isPrivate ? 'sender' : 'everyone',
      on,
      run: (surface) => this.#begin({ plan, job, view, ticket, surface }),
    };
  }

  /** Takes up a job that was let in before a restart. */
  async resume(record: JobRecord, view: JobView, request: InferenceRequest, surface: Surface): Promise<void> {
    const lane = laneOf(request);
    const ticket = this.#tools.admission.readmit(record.principal, record.owner, lane);
    const live = this.#watch(
      {
        id: record.id,
        lane,
        owner: record.owner,
        place: record.place,
        isPrivate: record.isPrivate,
        conversation: record.conversation,
        message: renderJobView(view),
      },
      surface,
    );
    this.#link(record, surface);
    await this.#perform({ record, request, view, ticket, surface, live });
  }

  /** Ends a job wherever it is; false where there is none. */
  cancel(job: JobId, by: string): boolean {
    const live = this.live.get(job);
    if (live === undefined) return false;
    live.cancel.abort(new FrescoError('cancelled', { by }));
    this.#tools.queue.cancel(job, by);
    return true;
  }

  async #begin(start: { plan: JobPlan; job: JobId; view: JobView; ticket: Ticket; surface: Surface }): Promise<void> {
    const { plan, job, view, ticket, surface } = start;
    const { place, lane, isPrivate } = plan;
    const live = this.#watch({ id: job, lane, owner: ticket.owner, place, isPrivate, conversation: place.conversation, message: renderJobView(view) }, surface);
    try {
      surface.show(live.message);
      const prepare = await plan.prepare(job, live.cancel.signal);
      const ref = await refSoFar(surface);
      const { record, prepared } = await this.#inTurn(place.conversation, async () => {
        live.cancel.signal.throwIfAborted();
        return this.#store(plan, { job, prepared: await prepare(), ref });
      });
      if (ref === undefined) this.#link(record, surface);
      await this.#perform({ record, request: prepared.request, view: { ...view, ...prepared.view }, ticket, surface, live });
    } catch (error) {
      // Nothing was stored: the message is all there is.
      const known = live.cancel.signal.aborted ? knownError(live.cancel.signal.reason, this.#tools.logger) : knownError(error, this.#tools.logger);
      const ended = renderJobView(foldFailure(view, known, this.#tools.clock.now()));
      await this.#finish(surface, job, { ...ended, actions: [] });
    } finally {
      this.live.delete(job);
      ticket.ended();
    }
  }

  /** Cancels the job when its message is gone. */
  #watch(about: Omit<LiveJob, 'cancel'>, surface: Surface): LiveJob {
    const live: LiveJob = { ...about, cancel: new AbortController() };
    this.live.set(live.id, live);
    const gone = (): boolean => this.cancel(live.id, live.place.platform);
    if (surface.gone.aborted) gone();
    else surface.gone.addEventListener('abort', gone, { once: true });
    return live;
  }

  async #store(
    plan: JobPlan,
    start: { job: JobId; prepared: PreparedJob; ref: MessageRef | undefined },
  ): Promise<{ record: JobRecord; prepared: PreparedJob }> {
    const { store, clock, memory } = this.#tools;
    const { job, prepared, ref } = start;
    const { principal, place, isPrivate, receivedAtMs: askedAtMs } = plan;
    const { task, conversation, title, ownsThread, turns, turn, askedIn } = prepared;
    const record: JobRecord = { id: job, owner: userKeyOf(principal), state: 'waiting', task, principal, place, conversation, turn, isPrivate, askedAtMs };
    const links = [
      ...(ref === undefined ? [] : [{ ref, to: { turn, job } }]),
      ...(askedIn === undefined
        ? []
        : [{ ref: { platform: place.platform, channel: place.channel, message: askedIn.message }, to: { turn: askedIn.turn, job: undefined } }]),
    ];
    await store.beginJob({ job: record, conversation: { title, ownsThread }, turns, links, atMs: clock.now() });
    memory.rememberJob(noteOf(record));
    if (ownsThread) memory.takeThread(conversation);
    return { record, prepared };
  }

  /** Links the message to the job once the message exists, where it did not when the job was stored. */
  #link(record: JobRecord, surface: Surface): void {
    const { store, clock, logger } = this.#tools;
    const link = async (): Promise<void> => {
      const ref = await surface.posted();
      if (ref === undefined) return;
      const { secret, ...lasting } = ref;
      const isOpen = this.live.has(record.id) && secret !== undefined; // an ended job needs no key any more
      await store.link(isOpen ? { ...lasting, secret } : lasting, { turn: record.turn, job: record.id, atMs: clock.now() });
    };
    link().catch((error: unknown) => logger.warn({ jobId: record.id, cause: error }, 'a message could not be linked to its job'));
  }

  async #perform({ record, request, view: start, ticket, surface, live }: Performance): Promise<void> {
    const { queue, clock, logger } = this.#tools;
    let view = start;
    let state: EndState = 'finished';
    try {
      live.cancel.signal.throwIfAborted();
      const { events } = queue.submit({ id: record.id, owner: record.owner, request, maxWaiting: noFurtherLimit });
      for await (const event of events) {
        if (event.type !== 'queued') this.#started(record.id, ticket);
        view = foldEvent(view, event, clock.now());
        live.message = renderJobView(view);
        if (view.ending === undefined) surface.show(live.message);
      }
    } catch (error) {
      const known = knownError(error, logger);
      if (isTrouble(known)) logger.warn({ jobId: record.id, code: known.code, cause: known }, 'a job failed');
      view = foldFailure(view, known, clock.now());
      state = known.code === 'cancelled' ? 'cancelled' : 'failed';
    }
    await this.#deliver(record, view, state, surface);
    ticket.ended();
  }

  /** Stores the result before it is shown, so that a process that dies in between shows it at the next start. */
  async #deliver(record: JobRecord, view: JobView, state: EndState, surface: Surface): Promise<void> {
    const { store, clock, logger, memory } = this.#tools;
    const message = renderJobView(view);
    memory.rememberAnswer(record.id, view.before + view.text);
    try {
      await store.saveResult(resultOf(record, view, message, clock.now()));
    } catch (error) {
      logger.error({ jobId: record.id, cause: error }, 'a result could not be stored');
    }
    await this.#finish(surface, record.id, message);
    this.live.delete(record.id);
    this.#link(record, surface); // where a picture was posted anew, the message that shows it now
    try {
      await store.closeJob(record.id, state, clock.now());
    } catch (error) {
      logger.error({ jobId: record.id, cause: error }, 'a job could not be closed in the store');
    }
  }

  async #finish(surface: Surface, job: JobId, message: Message): Promise<void> {
    try {
      await surface.finish(message);
    } catch (error) {
      this.#tools.logger.warn({ jobId: job, cause: error }, 'the last state of a message could not be shown');
    }
  }

  #started(job: JobId, ticket: Ticket): void {
    const { store, clock, logger } = this.#tools;
    if (!ticket.started()) return;
    store
      .setJobState(job, 'running', clock.now())
      .catch((error: unknown) => logger.error({ jobId: job, cause: error }, 'a job could not be marked as running'));
  }

  /** One after another within a conversation, so that each question follows the one before it. */
  async #inTurn<Result>(conversation: ConversationKey, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(conversation) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => {});
    this.#turns.set(conversation, settled);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(conversation) === settled) this.#turns.delete(conversation);
    }
  }
}

/** The message, where the platform has it already; then job and link are stored as one. */
async function refSoFar(surface: Surface): Promise<MessageRef | undefined> {
  const soon = new Promise<undefined>((resolve) => {
    setImmediate(() => resolve(undefined));
  });
  return Promise.race([surface.posted().catch(() => undefined), soon]);
}
