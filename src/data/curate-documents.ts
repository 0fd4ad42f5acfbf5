/** Collected documents through the steps of curation: what is kept, and the ledger that says why. */
import { dirname } from "node:path";
import { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { readJsonl, writeJsonl } from "../core/jsonl.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { documentsFile } from "./collect.ts";
import { type LedgerLine, openLedger } from "./ledger.ts";
import { createLosses } from "./losses.ts";
import { runPipeline, stepNames } from "./pipeline.ts";
import type { Reviewer } from "./review/apply-reviews.ts";
import type { Spool } from "./spool.ts";
import { curationSteps } from "./steps/index.ts";
import { withTicks } from "./with-ticks.ts";

const PROGRESS_EVERY = 2000;
/** Milliseconds of silence after which a step that holds everything back may say how far it is. */
const TICK = 1000;

async function* documentsOf(
  dir: RunDir,
  kinds: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Document> {
  for (const [i, kind] of kinds.entries()) {
    for await (const document of readJsonl(documentsFile(dir, i, kind), Document)) {
      signal.throwIfAborted();
      // When a text was fetched says nothing about the dataset, and would make two equal ones differ.
      const { fetchedAt: _, ...rest } = document;
      yield rest;
    }
  }
}

/**
 * Fills `documents` with what the steps keep; writes it and the ledger, the ledger also where a source is wiped out.
 * Returns the drops by `step: reason`. Throws `curate/no-documents` and `curate/source-wiped`.
 */
export async function* curateDocuments(
  documents: Spool<Document>,
  dir: RunDir,
  config: { curate: Recipe["curate"]; sources: string[] },
  { seed, curate: { workers } }: Recipe,
  reviewer: Reviewer | undefined,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, Record<string, number>> {
  const scratch = dirname(dir.ledger);
  let heard: { label: string; done: number } | undefined;
  const steps = [
    ...curationSteps(config.curate, {
      seed,
      sourceOrder: config.sources,
      scratch,
      workers,
      signal,
      told: (label, done) => (heard = { label, done }),
    }),
    ...(reviewer ? [reviewer.step] : []),
  ];
  const ledger = await openLedger(scratch, stepNames(steps));
  try {
    let read = 0;
    async function* counted(): AsyncGenerator<Document> {
      for await (const document of documentsOf(dir, config.sources, signal)) {
        read++;
        yield document;
      }
    }
    const progress = (total?: number): RunEvent => ({
      type: "progress",
      stage: "curate",
      label: "documents",
      done: documents.length,
      ...(total !== undefined && { total }),
    });
    for await (const next of withTicks(runPipeline(steps, counted(), ledger), TICK)) {
      signal.throwIfAborted();
      if (!next) {
        if (heard) yield { type: "progress", stage: "curate", ...heard };
        heard = undefined;
        continue;
      }
      await documents.append(next.item);
      if (documents.length % PROGRESS_EVERY === 0) yield progress();
    }
    yield progress(documents.length);
    await documents.finish();
    const losses = createLosses();
    async function* lines(): AsyncGenerator<LedgerLine> {
      for await (const line of ledger.lines()) {
        losses.add(line);
        yield line;
      }
    }
    await writeJsonl(dir.ledger, lines());
    for (const { step, kept, dropped } of ledger.tallies())
      yield { type: "tally", stage: "curate", step, kept, dropped };
    if (read === 0)
      throw new TwainError("curate/no-documents", "the sources gave no documents", {
        hint: "Check data.sources.",
      });
    const { maxLoss, dedup } = config.curate;
    const told = losses.check({ all: maxLoss, near: dedup.maxLoss, onNear: dedup.onLoss });
    for (const message of told) yield { type: "notice", stage: "curate", message };
    await documents.copy(dir.curated, () => true);
    return ledger.dropped();
  } finally {
    await ledger.remove();
  }
}
