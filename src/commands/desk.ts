import { FrescoError } from '../fresco-error.ts';
import { Admission } from './admission.ts';
import { receiveChat } from './chat-handler.ts';
import { commandSpecs, commandTable, findCommand } from './command-table.ts';
import { completionsFor } from './completions.ts';
import type {
  Choice,
  CommandInvocation,
  CompletionQuery,
  Desk,
  DeskPulse,
  Invocation,
  Library,
  MessageRef,
  Place,
  PlatformName,
  Reception,
  Surface,
  TypedInvocation,
} from './contract.ts';
import { DeskLibrary } from './desk-library.ts';
import { DeskMemory } from './desk-memory.ts';
import { recoverJobs } from './desk-recovery.ts';
import { type DeskOptions, type DeskTools, requireAccess } from './desk-tools.ts';
import { receiveForm } from './form-handlers.ts';
import { OpenForms } from './forms.ts';
import { JobDesk } from './job-desk.ts';
import { knownError } from './known-error.ts';
import { receiveMenu } from './menu-handlers.ts';
import { noticeMessage } from './messages.ts';
import { receivePress } from './press-handlers.ts';
import { sentenceFor } from './user-messages.ts';

const hourMs = 3_600_000;

/** Builds the desk: what must be known at once is loaded from the store first. */
export async function createDesk(options: DeskOptions): Promise<Desk> {
  const { queue, store, settings, clock, logger } = options;
  const memory = await DeskMemory.load(store);
  const admission = new Admission({ queue, limits: settings.limits, clock, recent: await store.usageSince(clock.now() - hourMs) });
  const jobs = new JobDesk({ queue, store, clock, logger, memory, admission });
  return new FrescoDesk({ ...options, memory, admission, jobs, forms: new OpenForms(), specs: commandSpecs });
}

/** The front desk: decides from memory how each thing that happened is acknowledged; what takes longer is in the reception's `run`. */
class FrescoDesk implements Desk {
  readonly library: Library;
  readonly #tools: DeskTools;

  constructor(tools: DeskTools) {
    this.#tools = tools;
    this.library = new DeskLibrary(tools.store, tools.jobs);
  }

  receive(invocation: Invocation): Reception {
    try {
      requireAccess(invocation, this.#tools);
      return this.#route(invocation);
    } catch (error) {
      return { kind: 'answer', message: noticeMessage(sentenceFor(knownError(error, this.#tools.logger))), audience: 'sender' };
    }
  }

  complete(query: CompletionQuery): readonly Choice[] {
    return completionsFor(this.#tools, query);
  }

  ownsThread(place: Place): boolean {
    return place.thread !== undefined && this.#tools.settings.chat.answerInThreads && this.#tools.memory.ownsThread(place.conversation);
  }

  recover(platform: PlatformName, reopen: (ref: MessageRef) => Surface | undefined): Promise<void> {
    return recoverJobs(this.#tools, platform, reopen);
  }

  pulse(): DeskPulse {
    const lanes = this.#tools.queue.stats();
    const sum = (key: 'waiting' | 'running'): number => lanes.reduce((total, lane) => total + lane[key], 0);
    return { waiting: sum('waiting'), running: sum('running'), paused: lanes.some(({ paused }) => paused) };
  }

  #route(invocation: Invocation): Reception {
    switch (invocation.kind) {
      case 'command':
      case 'typed':
        return this.#command(invocation);
      case 'chat': {
        const typed = typedCommand(invocation);
        return typed === undefined ? receiveChat(this.#tools, invocation) : this.#command(typed);
      }
      case 'press':
        return receivePress(this.#tools, invocation);
      case 'form':
        return receiveForm(this.#tools, invocation);
      case 'menu':
        return receiveMenu(this.#tools, invocation);
      default:
        return invocation satisfies never;
    }
  }

  #command(invocation: CommandInvocation | TypedInvocation): Reception {
    const spec = findCommand(invocation.command);
    const command = commandTable.find((each) => each.spec === spec);
    if (command === undefined) throw new FrescoError('command-unknown', { command: invocation.command, known: commandSpecs.map(({ name }) => name) });
    return command.receive(this.#tools, invocation);
  }
}

/** A plain message that begins with a command: `/imagine a fox`. A slash before anything else is talk. */
function typedCommand(invocation: Extract<Invocation, { kind: 'chat' }>): TypedInvocation | undefined {
  const match = /^\/([a-z]{2,20})(?:\s+([\s\S]*))?$/i.exec(invocation.text.trim());
  const command = findCommand(match?.[1] ?? '');
  if (match === null || command === undefined) return undefined;
  const { principal, place, receivedAtMs, attachments } = invocation;
  return { kind: 'typed', command: command.name, text: match[2] ?? '', attachments, principal, place, receivedAtMs };
}
