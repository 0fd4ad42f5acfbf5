/** The last gate before `preference.jsonl`: no prompt on two sides, none that the evaluation asks, none twice. */
import { fingerprint } from "../../core/hash.ts";
import { type Preference, type PreferenceRow, toPreferenceRow } from "../../core/preference.ts";
import { humanFault } from "./human-pairs.ts";
import { kindOf } from "./make-pairs.ts";
import { promptKey } from "./prompts.ts";

export interface PairTally {
  rows: number;
  /** Admitted, by kind. */
  kinds: Record<string, number>;
  licence: Record<string, number>;
  /** Left out, by reason. */
  rejected: Record<string, number>;
}

/** Whether a pair has what validation, test or cases ask. */
export type IsAsked = (pair: Preference) => boolean;

const increment = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/**
 * Passes on the pairs that may train, and counts into `tally`. Stage `preference` keeps whole split keys back, so
 * pairs with one prompt get one key.
 */
export async function* admitPairs(
  pairs: AsyncIterable<Preference>,
  isAsked: IsAsked,
  tally: PairTally,
): AsyncGenerator<PreferenceRow> {
  const keys = new Map<string, string>();
  const seen = new Set<string>();
  for await (const pair of pairs) {
    const prompt = promptKey(pair.prompt);
    const whole = fingerprint([prompt, pair.chosen, pair.rejected]);
    const fault =
      humanFault(pair) ??
      (isAsked(pair) ? "asked-in-evaluation" : undefined) ??
      (seen.has(whole) ? "duplicate" : undefined);
    if (fault !== undefined) {
      increment(tally.rejected, `pair: ${fault}`);
      continue;
    }
    seen.add(whole);
    const split_key = keys.get(prompt) ?? pair.meta.split_key;
    keys.set(prompt, split_key);
    tally.rows++;
    increment(tally.kinds, kindOf(pair));
    increment(tally.licence, pair.meta.licence);
    yield toPreferenceRow({ ...pair, meta: { ...pair.meta, split_key } });
  }
}
