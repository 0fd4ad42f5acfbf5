/** The preference pairs of a run, held to the split and to what evaluations ask. */
import { type Preference, toPreferenceRow } from "../core/preference.ts";
import { createRandom } from "../core/random.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { Decontaminated } from "./decontaminate.ts";
import { type MadeRows, askedBy } from "./make-rows.ts";
import type { IsAsked } from "./preference/admit-pairs.ts";
import { writePairs } from "./preference/write-pairs.ts";
import { drawWrittenPairs } from "./preference/written-pairs.ts";
import { SIDES, namedSide } from "./split.ts";

export interface PairParts {
  made: MadeRows;
  /** Of each row. */
  sides: Uint8Array;
  judge: Decontaminated["judge"] | undefined;
  /** What a model's worse answers made. */
  written: readonly Preference[];
}

/**
 * Writes the pairs that may train: edits of rows on the training side only, what a model wrote for texts of that side
 * only, and no question of the others.
 */
export async function writeMadePairs(
  dir: RunDir,
  { made, sides, judge, written }: PairParts,
  { curate, seed }: Recipe,
): ReturnType<typeof writePairs> {
  const train = SIDES.indexOf("train");
  const edits = [...made.edits].filter(([line]) => sides[line] === train).map(([, pair]) => pair);
  const others = made.asked.filter(({ line }) => sides[line] !== train);
  const heldBack = new Set([...made.reserved, ...others.map(({ question }) => question)]);
  const isAsked: IsAsked = (pair) => {
    if (heldBack.has(askedBy(pair.prompt))) return true;
    const { prompt, chosen, meta } = toPreferenceRow(pair);
    return judge?.({ messages: [...prompt, ...chosen], meta }) !== undefined;
  };
  const trained = new Set(
    made.split.filter((_, line) => sides[line] === train).map(({ key }) => key),
  );
  const rejected: Record<string, number> = {};
  const drawn = drawWrittenPairs(written, {
    count: curate.preference?.written ?? 0,
    isTrained: (key) => namedSide(key) === "train" || trained.has(key),
    rejected(reason) {
      rejected[reason] = (rejected[reason] ?? 0) + 1;
    },
    random: createRandom(seed).fork("written pairs"),
  });
  const pairs = [...made.pairs, ...edits, ...drawn];
  return writePairs(dir, pairs, curate.preference?.votes, isAsked, rejected);
}
