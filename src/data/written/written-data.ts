/** What a language model writes for a run: its files, and its part of the ledger. */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import type { RunEvent } from "../../core/events.ts";
import { writeJsonl } from "../../core/jsonl.ts";
import { toPreferenceRow } from "../../core/preference.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { RunDir } from "../../core/run-dir.ts";
import { addToLedger } from "../ledger.ts";
import type { Spool } from "../spool.ts";
import { curationSteps } from "../steps/index.ts";
import { type WrittenData, writeData } from "./written.ts";

/** What a model writes for the recipe, where it asks for that; its part of the ledger is added to the file. */
export async function* writtenData(
  documents: Spool<Document>,
  recipe: Recipe,
  dir: RunDir,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, WrittenData | undefined> {
  const { curate: config, seed } = recipe;
  if (!config.written) {
    for (const stale of [dir.written, dir.contrast, dir.failures]) await rm(stale, { force: true });
    return undefined;
  }
  const data = yield* writeData([...documents], {
    curate: config,
    config: config.written,
    steps: curationSteps(config, {
      seed,
      sourceOrder: ["written"],
      scratch: dirname(dir.ledger),
      workers: config.workers,
      signal,
    }),
    seed,
    dir,
    env: process.env,
    fetch: globalThis.fetch,
    signal,
  });
  await addToLedger(dir.ledger, data.lines);
  if (data.rows.length + data.pairs.length === 0) {
    const { kinds } = data.stats;
    const reasons = Object.values(kinds).flatMap(({ dropped }) => Object.entries(dropped));
    const most = reasons.toSorted((a, b) => b[1] - a[1]).slice(0, 3);
    throw new TwainError(
      "curate/nothing-written",
      `${data.stats.model} was asked for ${Object.values(kinds).reduce((sum, { texts }) => sum + texts, 0)} texts, and none was kept: ${most.map(([reason, count]) => `${count} ${reason}`).join(", ")}`,
      {
        hint: "curate/written.jsonl has what it said. A larger model may do, or response_format in curate.written.endpoint.body.",
      },
    );
  }
  await writeJsonl(dir.contrast, data.pairs.map(toPreferenceRow));
  return data;
}
