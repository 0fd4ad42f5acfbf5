/** A stream that is slow to come, with moments in between at which whoever waits for it may say how far it is. */

/** Each item as it comes, and `undefined` whenever so many milliseconds passed without one. */
export async function* withTicks<T>(
  items: AsyncIterable<T>,
  milliseconds: number,
): AsyncGenerator<{ item: T } | undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let ticking: NodeJS.Timeout | undefined;
  let tick: (() => void) | undefined;
  try {
    // One timer for all items, since there are a million of them.
    ticking = setInterval(() => tick?.(), milliseconds);
    for (let next = iterator.next(); ; next = iterator.next()) {
      // Whoever stops at a tick would leave its failure to nobody.
      next.catch(() => undefined);
      for (;;) {
        const waited = new Promise<undefined>((resolve) => {
          tick = () => resolve(undefined);
        });
        const first = await Promise.race([next, waited]);
        if (first?.done) return;
        yield first && { item: first.value };
        if (first) break;
      }
    }
  } finally {
    clearInterval(ticking);
    await iterator.return?.();
  }
}
