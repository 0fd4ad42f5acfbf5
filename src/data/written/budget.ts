/**
 * What may still be asked. Texts are asked for at once but paid for in the order of the plan: a request is let
 * through where it would have been with one request at a time, so a budget ends at the same text however many
 * are in flight.
 */
import type { WrittenConfig } from "../../core/written-config.ts";

export interface Amount {
  requests: number;
  input: number;
  output: number;
}

export const NOTHING: Amount = { requests: 0, input: 0, output: 0 };

export const add = (a: Amount, b: Amount): Amount => ({
  requests: a.requests + b.requests,
  input: a.input + b.input,
  output: a.output + b.output,
});

export const costOf = (amount: Amount, prices: WrittenConfig["prices"]): number =>
  prices ? (amount.input * prices.input + amount.output * prices.output) / 1e6 : 0;

export interface Budget {
  /** The task with this number in the plan begins; it will take at most `worst`. In the order of the plan. */
  open(task: number, worst: Amount): void;
  /** Whether a request of the task that takes at most `worst` is paid for; waits where that depends on earlier tasks. */
  admit(task: number, worst: Amount): Promise<boolean>;
  spend(task: number, amount: Amount): void;
  close(task: number): void;
  spent(): Amount;
}

/** A budget by the limits of the recipe; one that it does not give is no limit. */
export function createBudget(
  limits: WrittenConfig["budget"],
  prices: WrittenConfig["prices"],
): Budget {
  /** Running tasks: what they have spent, and what they may spend in all. */
  const running = new Map<number, { own: Amount; worst: Amount }>();
  /** Tasks that ended while one before them still runs; of all others only the sum is kept. */
  const early = new Map<number, Amount>();
  let finished = NOTHING;
  let ended = false;
  let wake: (() => void)[] = [];
  const changed = (): void => {
    const waiting = wake;
    wake = [];
    for (const resume of waiting) resume();
  };
  const fits = (amount: Amount): boolean =>
    amount.requests <= (limits.requests ?? Infinity) &&
    amount.input + amount.output <= (limits.tokens ?? Infinity) &&
    costOf(amount, prices) <= (limits.cost ?? Infinity);

  return {
    open(task, worst) {
      running.set(task, { own: NOTHING, worst });
    },
    async admit(task, worst) {
      for (;;) {
        let sure = finished;
        let earlier = false;
        for (const [number, own] of early) if (number < task) sure = add(sure, own);
        for (const [number, { own, worst: all }] of running) {
          if (number > task) continue;
          if (number < task) earlier = true;
          sure = add(sure, number < task ? all : own);
        }
        // Everything before it could take all that it may, and this would still be paid for.
        if (!ended && fits(add(sure, worst))) return true;
        if (!earlier) {
          ended = true;
          changed();
          return false;
        }
        await new Promise<void>((resolve) => wake.push(resolve));
      }
    },
    spend(task, amount) {
      const entry = running.get(task);
      if (!entry) throw new Error(`task ${task} is not running`);
      entry.own = add(entry.own, amount);
      // A task may take more than was thought; then at least those after it know.
      if (!fitsWithin(entry.own, entry.worst)) entry.worst = entry.own;
      changed();
    },
    close(task) {
      const entry = running.get(task);
      if (!entry) throw new Error(`task ${task} is not running`);
      running.delete(task);
      early.set(task, entry.own);
      const first = Math.min(...running.keys());
      for (const [number, own] of early) {
        if (number > first) continue;
        finished = add(finished, own);
        early.delete(number);
      }
      changed();
    },
    spent: () =>
      [...early.values(), ...[...running.values()].map(({ own }) => own)].reduce(add, finished),
  };
}

const fitsWithin = (a: Amount, b: Amount): boolean =>
  a.requests <= b.requests && a.input <= b.input && a.output <= b.output;
