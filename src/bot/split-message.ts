interface Fence {
  readonly marker: string;
  /** The whole opening line, so that the language comes back on the next piece. */
  readonly opener: string;
}

/** Longer fence lines are taken as text: opening them again would eat the piece. */
const longestFenceLine = 64;

/**
 * Cuts Markdown into pieces of at most `limit` UTF-16 units, at paragraphs, lines or spaces where it can,
 * never inside a surrogate pair. A code fence open at a cut is closed there and opened again, with its language, on the next piece.
 * Whitespace-only text gives no piece. `limit` must be at least 200.
 */
export function splitMessage(text: string, limit: number): string[] {
  const splitter = new Splitter(limit);
  for (const line of text.split('\n')) splitter.addLine(line);
  return splitter.end();
}

class Splitter {
  readonly #limit: number;
  readonly #pieces: string[] = [];
  #lines: string[] = [];
  #length = 0;
  #fence: Fence | undefined;
  /** True while the piece holds nothing but a fence that was opened again. */
  #isFresh = true;

  constructor(limit: number) {
    this.#limit = limit;
  }

  addLine(line: string): void {
    const fenceAfter = nextFence(this.#fence, line);
    for (const part of this.#partsOf(line)) {
      if (!this.#fits(part, fenceAfter) && !this.#isFresh) this.#cut();
      this.#push(part);
    }
    this.#fence = fenceAfter;
  }

  end(): string[] {
    this.#flush();
    return this.#pieces.filter((piece) => piece.trim() !== '');
  }

  #fits(part: string, fenceAfter: Fence | undefined): boolean {
    const closing = Math.max(closingLength(this.#fence), closingLength(fenceAfter));
    return this.#length + (this.#lines.length > 0 ? 1 : 0) + part.length + closing <= this.#limit;
  }

  #push(part: string): void {
    this.#length += part.length + (this.#lines.length > 0 ? 1 : 0);
    this.#lines.push(part);
    this.#isFresh = false;
  }

  /** Ends the piece, at the last paragraph break when that loses little, and opens an open fence again. */
  #cut(): void {
    const rest = this.#fence === undefined ? this.#afterLastParagraph() : [];
    const fence = this.#fence;
    this.#flush();
    if (fence !== undefined) {
      this.#push(fence.opener);
      this.#isFresh = true;
    }
    for (const line of rest) this.#push(line);
  }

  #afterLastParagraph(): string[] {
    const at = this.#lines.lastIndexOf('');
    const kept = this.#lines.slice(0, at).join('\n').length;
    if (at <= 0 || kept < this.#limit / 2 || this.#lines.slice(at).some((line) => nextFence(undefined, line) !== undefined)) return [];
    return this.#lines.splice(at).slice(1);
  }

  #flush(): void {
    if (this.#lines.length > 0) {
      const closing = this.#fence === undefined || this.#isFresh ? '' : `\n${this.#fence.marker}`;
      if (!(this.#isFresh && this.#fence !== undefined)) this.#pieces.push(this.#lines.join('\n') + closing);
    }
    this.#lines = [];
    this.#length = 0;
    this.#isFresh = true;
  }

  #partsOf(line: string): string[] {
    const room = this.#limit - (this.#fence === undefined ? 0 : this.#fence.opener.length + this.#fence.marker.length + 2);
    if (line.length <= room - longestFenceLine) return [line];
    const parts: string[] = [];
    let rest = line;
    while (rest.length > room - longestFenceLine) {
      const at = cutPoint(rest, room - longestFenceLine);
      parts.push(rest.slice(0, at));
      rest = rest.slice(at);
    }
    return [...parts, rest];
  }
}

const closingLength = (fence: Fence | undefined): number => (fence === undefined ? 0 : fence.marker.length + 1);

function nextFence(fence: Fence | undefined, line: string): Fence | undefined {
  if (line.length > longestFenceLine) return fence;
  const match = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
  const marker = match?.[1];
  const info = match?.[2] ?? '';
  if (marker === undefined) return fence;
  if (fence === undefined) return marker.startsWith('`') && info.includes('`') ? undefined : { marker, opener: line };
  return marker[0] === fence.marker[0] && marker.length >= fence.marker.length && info.trim() === '' ? undefined : fence;
}

/** The last space before `limit`, if it lies in the second half; else `limit`, moved off a surrogate pair. */
function cutPoint(text: string, limit: number): number {
  const space = text.lastIndexOf(' ', limit - 1);
  if (space >= limit / 2) return space + 1;
  const code = text.charCodeAt(limit - 1);
  return code >= 0xd800 && code <= 0xdbff ? limit - 1 : limit;
}
