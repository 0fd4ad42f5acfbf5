/** Ends text at the first stop string, which is not part of it, however the text was cut into pieces. */

export interface StopFilter {
  /** The part of `text`, and of what was held back, that is certainly before any stop string. */
  push(text: string): string;
  /** What was held back, when the text ended without a stop string. */
  end(): string;
  readonly stopped: boolean;
}

export function createStopFilter(stops: readonly string[]): StopFilter {
  const wanted = stops.filter((stop) => stop.length > 0);
  const longest = Math.max(0, ...wanted.map((stop) => stop.length));
  let held = "";
  let stopped = false;
  return {
    get stopped() {
      return stopped;
    },
    push(text) {
      if (stopped) return "";
      held += text;
      const found = wanted.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
      if (found.length > 0) {
        stopped = true;
        const before = held.slice(0, Math.min(...found));
        held = "";
        return before;
      }
      // Only an end that could still grow into a stop string is held back.
      let keep = Math.min(longest - 1, held.length);
      while (keep > 0 && !wanted.some((stop) => stop.startsWith(held.slice(-keep)))) keep--;
      const out = held.slice(0, held.length - Math.max(0, keep));
      held = held.slice(out.length);
      return out;
    },
    end() {
      const rest = held;
      held = "";
      return stopped ? "" : rest;
    },
  };
}
