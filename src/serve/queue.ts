/** How many chats run at once and how many may wait; past that a request is turned away at the door. */
import { TwainError } from "../core/errors.ts";

export interface Queue {
  /** Waits for a place; the function it gives back frees the place (once; further calls do nothing). */
  enter(signal: AbortSignal): Promise<() => void>;
}

/** Throws `serve/busy` from `enter` when `running` requests run and `waiting` more are in line. */
export function createQueue({ running, waiting }: { running: number; waiting: number }): Queue {
  let inside = 0;
  const line: (() => void)[] = [];

  const leave = (): void => {
    // A place is handed over rather than freed, so that a newcomer cannot overtake the line.
    const next = line.shift();
    if (next) next();
    else inside -= 1;
  };
  const place = (): (() => void) => {
    let held = true;
    return () => {
      if (held) leave();
      held = false;
    };
  };

  return {
    async enter(signal) {
      signal.throwIfAborted();
      if (inside < running) {
        inside += 1;
        return place();
      }
      if (line.length >= waiting) {
        throw new TwainError(
          "serve/busy",
          `${inside} requests are running and ${line.length} are waiting`,
          {
            hint: "Try again in a moment.",
          },
        );
      }
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => {
          line.splice(line.indexOf(enter), 1);
          reject(signal.reason as Error);
        };
        const enter = (): void => {
          signal.removeEventListener("abort", giveUp);
          resolve();
        };
        line.push(enter);
        signal.addEventListener("abort", giveUp, { once: true });
      });
      return place();
    },
  };
}
