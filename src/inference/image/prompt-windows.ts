/** One token of a prompt with its weight. */
export interface WeightedToken {
  readonly id: number;
  readonly weight: number;
  /** True for a comma: a good place to end a window. */
  readonly isComma: boolean;
  /** The token asks for a new window. */
  readonly startsWindow: boolean;
}

/** One prompt as an encoder takes it: one window of its length, a weight for each token. */
export interface PromptWindow {
  readonly ids: readonly number[];
  readonly weights: readonly number[];
  /** False at padding. */
  readonly isReal: readonly boolean[];
}

/** What frames and fills a window. */
export interface WindowFrame {
  /** Tokens of a window, frame included. */
  readonly length: number;
  /** Special tokens in front and behind (start and end of text). */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly pad: number;
}

const commaReach = 20;

/**
 * Cuts tokens into stretches that fit a window. A stretch that is too long ends at a comma among its last 20 tokens where there is one, so that a phrase
 * isn't torn apart, else at the last token that fits. Source: `tokenize_line` of AUTOMATIC1111's web UI, sd_hijack_clip.py.
 */
export function cutIntoWindows(tokens: readonly WeightedToken[], room: number): readonly (readonly WeightedToken[])[] {
  const stretches: WeightedToken[][] = [[]];
  let current: WeightedToken[] = stretches[0] ?? [];
  const begin = (tokensMoved: readonly WeightedToken[]): void => {
    current = [...tokensMoved];
    stretches.push(current);
  };
  for (const token of tokens) {
    if (token.startsWindow && current.length > 0) begin([]);
    if (current.length >= room) {
      const comma = current.findLastIndex(({ isComma }) => isComma);
      const moved = comma !== -1 && current.length - comma - 1 <= commaReach && comma + 1 < current.length ? current.splice(comma + 1) : [];
      begin(moved);
    }
    current.push(token);
  }
  return stretches;
}

/** A stretch of tokens framed, padded to the window's length, weight 1 outside the text. */
export function framedWindow(tokens: readonly WeightedToken[], frame: WindowFrame): PromptWindow {
  const ids = [...frame.before, ...tokens.map(({ id }) => id), ...frame.after];
  const weights = [...frame.before.map(() => 1), ...tokens.map(({ weight }) => weight), ...frame.after.map(() => 1)];
  const missing = Math.max(0, frame.length - ids.length);
  return {
    ids: [...ids, ...new Array<number>(missing).fill(frame.pad)],
    weights: [...weights, ...new Array<number>(missing).fill(1)],
    isReal: [...ids.map(() => true), ...new Array<boolean>(missing).fill(false)],
  };
}

/** Windows of several prompts, each prompt filled up with empty ones to the number that the longest needs. */
export function evenWindows(prompts: readonly (readonly PromptWindow[])[], frame: WindowFrame): readonly (readonly PromptWindow[])[] {
  const count = Math.max(1, ...prompts.map((windows) => windows.length));
  return prompts.map((windows) => [...windows, ...Array.from({ length: count - windows.length }, () => framedWindow([], frame))]);
}
