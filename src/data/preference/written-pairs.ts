/** Pairs whose worse side a language model wrote to be worse (`curate.written.kinds.contrast`). */
import type { Preference } from "../../core/preference.ts";
import type { Random } from "../../core/random.ts";
import { drawRounds } from "../written/draws.ts";

/** What a pair teaches, by how its template begins. */
const KINDS: readonly (readonly [template: string, kind: string])[] = [
  ["contrast-bland:", "voiced-not-bland"],
  ["contrast-wrong:", "grounded-not-invented"],
];

const KIND = "written ";

/** `written voiced-not-bland`; undefined for what no model wrote for this project. */
export function writtenKindOf({ meta }: Pick<Preference, "meta">): string | undefined {
  if (!meta.written) return undefined;
  const known = KINDS.find(([template]) => meta.template?.startsWith(template));
  return known && `${KIND}${known[1]}`;
}

/** Of pairs counted by kind, those of here. */
export const countWrittenPairs = (kinds: Readonly<Record<string, number>>): number =>
  Object.entries(kinds).reduce(
    (sum, [kind, count]) => sum + (kind.startsWith(KIND) ? count : 0),
    0,
  );

/**
 * At most `count` of the pairs whose split key is for training, in an order that another pair changes little. What
 * each side has to hold was checked when it was written. `rejected` is told of those of the other sides.
 */
export function drawWrittenPairs(
  pairs: readonly Preference[],
  options: {
    count: number;
    isTrained(splitKey: string): boolean;
    rejected(reason: string): void;
    random: Random;
  },
): Preference[] {
  const { count, isTrained, rejected, random } = options;
  if (count === 0) return [];
  const trained = pairs.filter(({ meta }) => {
    const ours = isTrained(meta.split_key);
    if (!ours) rejected("pair: not for training");
    return ours;
  });
  const most = Math.min(count, trained.length);
  return drawRounds(trained, ({ id }) => id, most, random).map(({ item }) => item);
}
