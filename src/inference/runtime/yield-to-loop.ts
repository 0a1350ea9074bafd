/** Lets the process read its messages (cancels, pings) between two blocking steps. */
export function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
