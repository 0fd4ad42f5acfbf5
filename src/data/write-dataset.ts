/** A dataset's files from what was made: the sides, worlds, pairs, statistics and the card. */
import { writeFileAtomic } from "../core/atomic-file.ts";
import type { Document } from "../core/document.ts";
import type { RunEvent } from "../core/events.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { StageResult } from "../core/stage.ts";
import { datasetCard } from "./dataset-card.ts";
import { datasetStats } from "./dataset-stats.ts";
import type { Decontaminated } from "./decontaminate.ts";
import type { MadeRows, RowSpools } from "./make-rows.ts";
import { removePairs } from "./preference/write-pairs.ts";
import { SIDES } from "./split.ts";
import type { Spool } from "./spool.ts";
import { writeMadePairs } from "./write-made-pairs.ts";
import { writeWorlds } from "./write-worlds.ts";
import type { WrittenData } from "./written/written.ts";

export interface DatasetParts {
  documents: Spool<Document>;
  /** Why documents are not among them, by `step: reason`. */
  dropped: Record<string, number>;
  written: WrittenData | undefined;
  spools: RowSpools;
  made: MadeRows;
  /** Of each row of `spools.dataset`. */
  sides: Uint8Array;
  judge: Decontaminated["judge"] | undefined;
  /** Reviews that something was found for; undefined where nobody looked at anything. */
  reviews: number | undefined;
}

/** Throws what `writePairs` throws. */
export async function* writeDataset(
  recipe: Recipe,
  dir: RunDir,
  parts: DatasetParts,
): AsyncGenerator<RunEvent, StageResult> {
  const { documents, written, spools, made, sides, judge, reviews } = parts;
  const { decontaminate, preference } = recipe.curate;
  const { dataset } = dir;
  const counts: Record<string, number> = {
    documents: documents.length,
    ...(reviews !== undefined && { reviews }),
  };
  for (const [i, side] of SIDES.entries())
    counts[side] = await spools.dataset.copy(dataset[side], (line) => sides[line] === i);
  const base = await spools.base.copy(dataset.base, (line) => made.baseValid[line] === 0);
  const baseValid = await spools.base.copy(dataset.baseValid, (line) => made.baseValid[line] === 1);
  counts.base = base;
  counts["base-valid"] = baseValid;
  counts["tool-cases"] = await spools.cases.copy(dataset.toolCases, () => true);
  const hasWorlds = await writeWorlds(dataset.worlds, made.worlds, sides);
  const dropped = { ...parts.dropped };
  if (written) {
    counts.written = written.rows.length;
    counts["written-pairs"] = written.pairs.length;
    for (const [reason, count] of Object.entries(written.dropped))
      dropped[`written ${reason}`] = count;
  }
  const pairs =
    preference &&
    (await writeMadePairs(dir, { made, sides, judge, written: written?.pairs ?? [] }, recipe));
  if (!pairs) await removePairs(dir);
  else {
    counts.preference = pairs.tally.rows;
    const { rows: kept, rejected } = pairs.tally;
    yield { type: "tally", stage: "curate", step: "preference", kept, dropped: rejected };
  }
  if (pairs?.kept !== undefined)
    yield {
      type: "notice",
      stage: "curate",
      message: `preference.jsonl was not curate's and is now ${pairs.kept}; curate.preference.votes reads such a file`,
    };
  const stats = datasetStats({
    rows: made.counts,
    sides,
    base,
    baseValid,
    toolCases: made.cases,
    rejected: made.rejected,
    documents,
    dropped: parts.dropped,
    ...(written && { written: written.stats }),
    ...(pairs && { preference: pairs.tally }),
  });
  await writeFileAtomic(dataset.stats, `${JSON.stringify(stats, null, 2)}\n`);
  await writeFileAtomic(
    dataset.card,
    datasetCard(recipe, stats, { files: "jsonl", preference: pairs !== undefined }),
  );
  return {
    outputs: [
      dir.curated,
      ...SIDES.map((side) => dataset[side]),
      dataset.base,
      dataset.baseValid,
      dataset.toolCases,
    ],
    // Told apart so that neither a verdict that changes no row nor another number of pairs trains a base anew.
    asides: [
      dir.ledger,
      ...(decontaminate ? [dir.contaminated] : []),
      dataset.stats,
      dataset.card,
      ...(hasWorlds ? [dataset.worlds] : []),
      ...(written ? [dir.written, dir.contrast] : []),
      ...(pairs ? [dataset.preference] : []),
    ],
    counts,
    dropped,
  };
}
