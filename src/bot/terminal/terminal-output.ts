/** Where a terminal command writes: results to `out`, progress and sentences to `err`. */
export interface TerminalStreams {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

const barWidth = 24;

/** One line on a terminal that is written over; silent where standard error is no terminal. */
export class ProgressLine {
  readonly #err: TerminalStreams['err'];
  #isShown = false;

  constructor({ err }: TerminalStreams) {
    this.#err = err;
  }

  /** `share` from 0 to 1 draws a bar before the text. */
  show(text: string, share?: number): void {
    if (this.#err.isTTY !== true) return;
    const filled = share === undefined ? 0 : Math.round(Math.min(Math.max(share, 0), 1) * barWidth);
    const bar = share === undefined ? '' : `[${'█'.repeat(filled)}${'·'.repeat(barWidth - filled)}] `;
    this.#err.write(`\r\u001b[2K${bar}${text}`);
    this.#isShown = true;
  }

  clear(): void {
    if (this.#isShown) this.#err.write('\r\u001b[2K');
    this.#isShown = false;
  }
}

/** How the program ends: 0 done, 1 failed, 2 wrong use, 130 stopped by Ctrl-C. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** One JSON object on one line. */
export function writeJson({ out }: TerminalStreams, value: object): void {
  out.write(`${JSON.stringify(value)}\n`);
}
