/** What an evaluation asks is not trained on: the step after the split, and its file. */
import { rm } from "node:fs/promises";
import type { ConversationRow } from "../core/conversation.ts";
import type { RunEvent } from "../core/events.ts";
import { writeJsonl } from "../core/jsonl.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { DECONTAMINATE, type Decontaminated, decontaminate } from "./decontaminate.ts";
import type { MadeRows, RowSpools } from "./make-rows.ts";
import { REMOVED, SIDES } from "./split.ts";

/**
 * Marks rows that say what an evaluation asks, and writes why; returns what judged them. Nothing where the recipe does
 * not ask for it. Throws `curate/contaminated` and `curate/bad-eval-set`.
 */
export async function* removeContaminated(
  dir: RunDir,
  config: Recipe["curate"],
  spools: RowSpools,
  sides: Uint8Array,
  made: MadeRows,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, Decontaminated["judge"] | undefined> {
  await rm(dir.contaminated, { force: true });
  if (!config.decontaminate) return undefined;
  const isSide = (line: number, side: (typeof SIDES)[number]): boolean =>
    sides[line] === SIDES.indexOf(side);
  function* test(): Generator<ConversationRow> {
    let line = 0;
    for (const row of spools.dataset) if (isSide(line++, "test")) yield row;
  }
  const { removed, lines, judge } = await decontaminate(
    [
      { rows: spools.dataset, trained: (line) => isSide(line, "train") },
      { rows: spools.base, trained: (line) => made.baseValid[line] === 0 },
    ],
    { cases: spools.cases, test: test() },
    config.decontaminate,
    signal,
  );
  for (const line of removed[0]!) sides[line] = REMOVED;
  for (const line of removed[1]!) made.baseValid[line] = REMOVED;
  await writeJsonl(dir.contaminated, lines);
  const dropped: Record<string, number> = {};
  for (const { verdicts } of lines) {
    const reason = verdicts[0]!.reason!;
    dropped[reason] = (dropped[reason] ?? 0) + 1;
  }
  const trained = sides.reduce((sum, side) => sum + (side === SIDES.indexOf("train") ? 1 : 0), 0);
  yield { type: "tally", stage: "curate", step: DECONTAMINATE, kept: trained, dropped };
  return judge;
}
