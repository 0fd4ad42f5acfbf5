/** Many chats at once, answers in the order of the questions. */
import { setMaxListeners } from "node:events";

/**
 * Runs `work` on every item, at most `limit` at a time; yields how many are done after each, returns
 * the results in input order. The first failure aborts the rest and is thrown.
 */
export async function* concurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): AsyncGenerator<number, Result[]> {
  const own = new AbortController();
  const either = AbortSignal.any([signal, own.signal]);
  // Every chat in flight listens; Node would take more than ten for a leak.
  setMaxListeners(0, either);
  const results: Result[] = [];
  const running = new Map<number, Promise<number>>();
  let next = 0;
  try {
    for (let done = 0; done < items.length;) {
      signal.throwIfAborted();
      for (; next < items.length && running.size < limit; next++) {
        const index = next;
        running.set(
          index,
          work(items[index]!, either).then((result) => {
            results[index] = result;
            return index;
          }),
        );
      }
      running.delete(await Promise.race(running.values()));
      yield ++done;
    }
    return results;
  } finally {
    own.abort();
    // Nothing keeps running behind the caller's back, and no rejection goes unhandled.
    await Promise.allSettled(running.values());
  }
}
