/** The stage that turns collected documents into a dataset, and keeps the reasons. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { toRow } from "../core/conversation.ts";
import { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { hashFile, sha256 } from "../core/hash.ts";
import { readJsonl, writeJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { Stage } from "../core/stage.ts";
import { documentsFile } from "./collect.ts";
import { type RowCount, countRow, datasetCard, datasetStats } from "./dataset-card.ts";
import { type Ledger, checkLosses, createLedger, runPipeline } from "./pipeline.ts";
import { SIDES, type SplitRow, splitRow, splitRows } from "./split.ts";
import { type Spool, openSpool } from "./spool.ts";
import { curationSteps } from "./steps/index.ts";
import { synthesize } from "./synth/synthesize.ts";

export interface CurateStageConfig {
  curate: Recipe["curate"];
  /** Kinds of the sources in the recipe's order: their files, and who wins among copies. */
  sources: string[];
  wantBase: boolean;
}

/** Of the texts for a base model, this share is for its validation. */
const BASE_VALID = 0.02;
const PROGRESS_EVERY = 2000;

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

/** Runs the steps; writes the kept documents and the ledger, the ledger also where a source is wiped out. */
async function* curateDocuments(
  dir: RunDir,
  config: CurateStageConfig,
  seed: number,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, { documents: Document[]; ledger: Ledger }> {
  const ledger = createLedger();
  const steps = curationSteps(config.curate, seed, config.sources);
  let read = 0;
  async function* counted(): AsyncGenerator<Document> {
    for await (const document of documentsOf(dir, config.sources, signal)) {
      read++;
      yield document;
    }
  }
  const documents: Document[] = [];
  for await (const document of runPipeline(steps, counted(), ledger)) {
    signal.throwIfAborted();
    documents.push(document);
    if (documents.length % PROGRESS_EVERY === 0)
      yield { type: "progress", stage: "curate", label: "documents", done: documents.length };
  }
  yield {
    type: "progress",
    stage: "curate",
    label: "documents",
    done: documents.length,
    total: documents.length,
  };
  await writeJsonl(dir.ledger, ledger.lines());
  for (const { step, kept, dropped } of ledger.tallies())
    yield { type: "tally", stage: "curate", step, kept, dropped };
  if (read === 0)
    throw new TwainError("curate/no-documents", "the sources gave no documents", {
      hint: "Check data.sources.",
    });
  checkLosses(ledger, config.curate.maxLoss);
  await writeJsonl(dir.curated, documents);
  return { documents, ledger };
}

/** What synthesis made, on disk but not yet in its files. */
interface Made {
  split: SplitRow[];
  counts: RowCount[];
  /** 1 for rows of the base model's validation. */
  baseValid: number[];
  cases: number;
  rejected: Record<string, number>;
}

async function* makeRows(
  documents: readonly Document[],
  config: CurateStageConfig,
  seed: number,
  signal: AbortSignal,
  spools: { dataset: Spool; base: Spool; cases: Spool },
): AsyncGenerator<RunEvent, Made> {
  const made: Made = { split: [], counts: [], baseValid: [], cases: 0, rejected: {} };
  for await (const item of synthesize(documents, {
    config: config.curate,
    seed,
    wantBase: config.wantBase,
    signal,
  })) {
    switch (item.to) {
      case "dataset":
        made.split.push(splitRow(item.row));
        made.counts.push(countRow(item.row));
        await spools.dataset.append(toRow(item.row));
        break;
      case "base":
        made.baseValid.push(
          Number.parseInt(sha256(item.row.id).slice(0, 8), 16) < BASE_VALID * 2 ** 32 ? 1 : 0,
        );
        await spools.base.append(toRow(item.row));
        break;
      case "cases":
        made.cases++;
        await spools.cases.append(item.row);
        break;
      case "rejected":
        made.rejected[item.reason] = (made.rejected[item.reason] ?? 0) + 1;
        break;
      case "progress":
        signal.throwIfAborted();
        yield {
          type: "progress",
          stage: "curate",
          label: item.label,
          done: item.done,
          ...(item.total !== undefined && { total: item.total }),
        };
    }
  }
  for (const spool of Object.values(spools)) await spool.finish();
  return made;
}

export const curate: Stage<CurateStageConfig> = {
  name: "curate",
  needs: ["collect"],
  config: (recipe) => ({
    curate: recipe.curate,
    sources: recipe.data.sources.map(({ kind }) => kind),
    wantBase: recipe.base.kind === "scratch",
  }),

  /** Synthesis reads phrasings, answers and places that ship with the package. */
  async inputs() {
    const folder = join(packageRoot(), "corpus");
    const names = (await readdir(folder)).filter((name) => /\.jsonl?$/.test(name)).toSorted();
    return Promise.all(
      names.map(async (name) => [name, (await hashFile(join(folder, name))).sha256]),
    );
  },

  async *run({ recipe, config, dir, signal }) {
    const { documents, ledger } = yield* curateDocuments(dir, config, recipe.seed, signal);
    const spool = (name: string): Promise<Spool> =>
      openSpool(join(dir.dataset.root, `.${name}.spool`));
    const spools = {
      dataset: await spool("dataset"),
      base: await spool("base"),
      cases: await spool("cases"),
    };
    try {
      const made = yield* makeRows(documents, config, recipe.seed, signal, spools);
      yield {
        type: "tally",
        stage: "curate",
        step: "synthesize",
        kept: made.split.length,
        dropped: made.rejected,
      };
      const sides = splitRows(made.split, config.curate.split, recipe.seed);
      const counts: Record<string, number> = { documents: documents.length };
      for (const [i, side] of SIDES.entries())
        counts[side] = await spools.dataset.copy(dir.dataset[side], (line) => sides[line] === i);
      counts.base = await spools.base.copy(dir.dataset.base, (line) => made.baseValid[line] === 0);
      counts["base-valid"] = await spools.base.copy(
        dir.dataset.baseValid,
        (line) => made.baseValid[line] === 1,
      );
      counts["tool-cases"] = await spools.cases.copy(dir.dataset.toolCases, () => true);
      const dropped = ledger.dropped();
      const stats = datasetStats({
        rows: made.counts,
        sides,
        base: counts.base,
        baseValid: counts["base-valid"],
        toolCases: made.cases,
        rejected: made.rejected,
        documents,
        dropped,
      });
      await writeFileAtomic(dir.dataset.stats, `${JSON.stringify(stats, null, 2)}\n`);
      await writeFileAtomic(dir.dataset.card, datasetCard(recipe, stats));
      const {
        train,
        valid,
        test,
        base,
        baseValid,
        toolCases,
        stats: statsFile,
        card,
      } = dir.dataset;
      return {
        outputs: [
          dir.curated,
          dir.ledger,
          train,
          valid,
          test,
          base,
          baseValid,
          toolCases,
          statsFile,
          card,
        ],
        counts,
        dropped,
      };
    } finally {
      for (const each of Object.values(spools)) await each.remove();
    }
  },
};
