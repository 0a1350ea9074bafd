/** So many turns of the loop at most go by while more comes in: work never starves. */
const mostPostponed = 50;

/**
 * Lets one piece of work begin in each turn of the event loop, and none while a rush still comes in: the loop reads and acknowledges
 * all of it before the work on the first of it takes the time.
 */
export class AfterAcks {
  readonly #waiting: (() => void)[] = [];
  #isTurning = false;
  #hasArrived = false;
  #postponed = 0;

  /** Resolves when it is this caller's turn, in the order of calls. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#hasArrived = true;
      if (this.#isTurning) return;
      this.#isTurning = true;
      setImmediate(() => this.#next());
    });
  }

  #next(): void {
    if (this.#hasArrived && this.#postponed < mostPostponed) this.#postponed += 1;
    else {
      this.#postponed = 0;
      this.#waiting.shift()?.();
    }
    this.#hasArrived = false;
    this.#isTurning = this.#waiting.length > 0;
    if (this.#isTurning) setImmediate(() => this.#next());
  }
}
