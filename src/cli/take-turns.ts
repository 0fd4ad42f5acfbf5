/** Things that are used one after the other, where there is no memory for two at a time. */

interface Closable {
  close(): Promise<void>;
}

export interface Turns {
  /**
   * Makes the thing when it is first asked for, after the one that was open is closed; asked for again after it was
   * closed, it is made anew. Whoever still uses the one before is not waited for.
   */
  lazily<T extends Closable>(make: () => T): () => Promise<T>;
  close(): Promise<void>;
}

export function takeTurns(): Turns {
  let current: { opened: Promise<Closable>; forget(): void } | undefined;
  const leave = async (last: typeof current): Promise<void> => {
    last?.forget();
    // One that could not be made has nothing to close, and whoever asked for it was told.
    const opened = await last?.opened.catch(() => undefined);
    await opened?.close();
  };
  return {
    lazily<T extends Closable>(make: () => T) {
      let own: Promise<T> | undefined;
      return () => {
        if (own) return own;
        const closed = leave(current);
        own = closed.then(make);
        current = { opened: own, forget: () => (own = undefined) };
        return own;
      };
    },
    async close() {
      const last = current;
      current = undefined;
      await leave(last);
    },
  };
}
