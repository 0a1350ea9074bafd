/** Remembers the last ids, so that what the gateway sends again after a hiccup is not done again. */
export class SeenIds {
  readonly #ids = new Set<string>();
  readonly #cap: number;

  constructor(cap: number) {
    this.#cap = cap;
  }

  /** True the first time. */
  isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    for (const oldest of this.#ids) {
      if (this.#ids.size <= this.#cap) break;
      this.#ids.delete(oldest);
    }
    return true;
  }
}
