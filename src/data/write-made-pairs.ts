/** The preference pairs of a run, held to the split and to what evaluations ask. */
import { toPreferenceRow } from "../core/preference.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { Decontaminated } from "./decontaminate.ts";
import { type MadeRows, askedBy } from "./make-rows.ts";
import type { IsAsked } from "./preference/admit-pairs.ts";
import { writePairs } from "./preference/write-pairs.ts";
import { SIDES } from "./split.ts";

/** Writes the pairs that may train: edits of rows on the training side only, and no question of the others. */
export async function writeMadePairs(
  dir: RunDir,
  made: MadeRows,
  sides: Uint8Array,
  votes: string | undefined,
  judge: Decontaminated["judge"] | undefined,
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
  return writePairs(dir, [...made.pairs, ...edits], votes, isAsked);
}
