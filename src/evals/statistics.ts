/** Intervals and paired comparisons: what may be said from so many items. All at 95 %. */
import type { Random } from "../core/random.ts";

export interface Interval {
  value: number;
  low: number;
  high: number;
}

const z = 1.959963984540054;

/** Wilson's score interval for a share; unlike the textbook ± it behaves at 0 and 1. No items: [0, 1]. */
export function wilson(successes: number, n: number): Interval {
  if (n === 0) return { value: NaN, low: 0, high: 1 };
  const share = successes / n;
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half =
    (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  // The ends are exactly 0 and 1 there; rounding must not say otherwise.
  const low = successes === 0 ? 0 : Math.max(0, centre - half);
  const high = successes === n ? 1 : Math.min(1, centre + half);
  return { value: share, low, high };
}

/** What one item adds to a ratio: a hit is 1 of 1, a row's loss is its nats of its tokens. */
export interface Part {
  top: number;
  bottom: number;
}

const ratio = (parts: readonly Part[], items: Iterable<number>): number => {
  let top = 0;
  let bottom = 0;
  for (const item of items) {
    top += parts[item]!.top;
    bottom += parts[item]!.bottom;
  }
  return top / bottom;
};

/** The middle 95 % of a list. */
function percentiles(values: number[]): { low: number; high: number } {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  return { low: at(0.025), high: at(0.975) };
}

/** Each round draws as many items as there are, with replacement. */
function* resamples(n: number, rounds: number, random: Random): Generator<Int32Array> {
  const items = new Int32Array(n);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < n; i++) items[i] = Math.floor(random.next() * n);
    yield items;
  }
}

/** Σtop / Σbottom with a percentile bootstrap over items; `shape` maps the ratio (loss to perplexity). */
export function bootstrap(
  parts: readonly Part[],
  options: { rounds: number; random: Random; shape?: (ratio: number) => number },
): Interval {
  const { rounds, random, shape = (value) => value } = options;
  const draws = Array.from(resamples(parts.length, rounds, random), (items) =>
    shape(ratio(parts, items)),
  );
  return { value: shape(ratio(parts, parts.keys())), ...percentiles(draws) };
}

/**
 * `to` minus `from` on the same items: every round draws one set of items for both, so what makes an
 * item hard cancels out. Throws for lists of different lengths, which cannot be paired.
 */
export function pairedDifference(
  from: readonly Part[],
  to: readonly Part[],
  options: { rounds: number; random: Random; shape?: (ratio: number) => number },
): Interval {
  if (from.length !== to.length)
    throw new Error(`${from.length} items cannot be paired with ${to.length}`);
  const { rounds, random, shape = (value) => value } = options;
  const difference = (items: () => Iterable<number>): number =>
    shape(ratio(to, items())) - shape(ratio(from, items()));
  const draws = Array.from(resamples(from.length, rounds, random), (items) =>
    difference(() => items),
  );
  return { value: difference(() => from.keys()), ...percentiles(draws) };
}

/**
 * McNemar's exact test: `gained` items went from wrong to right, `lost` the other way. The
 * probability of a split at least this uneven if both were equally likely.
 */
export function mcNemar(gained: number, lost: number): number {
  const n = gained + lost;
  const least = Math.min(gained, lost);
  // Terms of the binomial as logarithms: 2^-n alone underflows beyond n = 1074.
  let log = -n * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= least; k++) {
    tail += Math.exp(log);
    log += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
