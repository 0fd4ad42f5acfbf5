/** The stage that turns collected documents into a dataset, and keeps the reasons. */
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { type Conversation, type ConversationRow, toRow } from "../core/conversation.ts";
import { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { hashFile, sha256 } from "../core/hash.ts";
import { readJsonl, writeJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";
import { toPreferenceRow } from "../core/preference.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { type Stage, readManifest } from "../core/stage.ts";
import type { ToolCase } from "../core/tool-case.ts";
import { documentsFile } from "./collect.ts";
import { datasetCard } from "./dataset-card.ts";
import { type RowCount, countRow, datasetStats } from "./dataset-stats.ts";
import { DECONTAMINATE, decontaminate } from "./decontaminate.ts";
import { hashEvalSet } from "./eval-texts.ts";
import { LedgerLine, openLedger } from "./ledger.ts";
import { createLosses } from "./losses.ts";
import { runPipeline } from "./pipeline.ts";
import { SIDES, type SplitRow, splitRow, splitRows } from "./split.ts";
import { type Spool, openSpool } from "./spool.ts";
import { curationSteps } from "./steps/index.ts";
import { synthesize } from "./synth/synthesize.ts";
import { endpointKey } from "./written/endpoint.ts";
import { checkWrittenKinds } from "./written/plan-texts.ts";
import { promptHashes } from "./written/prompt.ts";
import { type WrittenData, checkEndpoint, writeData } from "./written/written.ts";

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
  documents: Spool<Document>,
  dir: RunDir,
  config: CurateStageConfig,
  seed: number,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, Record<string, number>> {
  const scratch = dirname(dir.ledger);
  const steps = curationSteps(config.curate, seed, config.sources, scratch);
  const ledger = await openLedger(
    scratch,
    steps.map(({ name }) => name),
  );
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
    for await (const document of runPipeline(steps, counted(), ledger)) {
      signal.throwIfAborted();
      await documents.append(document);
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

/** What synthesis made, on disk but not yet in its files. */
interface Made {
  split: SplitRow[];
  counts: RowCount[];
  /** 1 for rows of the base model's validation. */
  baseValid: number[];
  cases: number;
  rejected: Record<string, number>;
}

/** The same whatever the pace of the requests, which decides no row. */
const withoutPace = (curate: Recipe["curate"]): Recipe["curate"] => ({
  ...curate,
  ...(curate.written && { written: { ...curate.written, concurrency: 1, timeoutSeconds: 1 } }),
});

/** What a model writes for the recipe, where it asks for that; its part of the ledger is added to the file. */
async function* writtenData(
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
    steps: curationSteps(config, seed, ["written"], dirname(dir.ledger)),
    seed,
    dir,
    env: process.env,
    fetch: globalThis.fetch,
    signal,
  });
  async function* lines(): AsyncGenerator<LedgerLine> {
    yield* readJsonl(dir.ledger, LedgerLine);
    yield* data.lines;
  }
  await writeJsonl(dir.ledger, lines());
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

async function* makeRows(
  documents: Spool<Document>,
  written: readonly Conversation[],
  config: CurateStageConfig,
  seed: number,
  signal: AbortSignal,
  spools: { dataset: Spool<ConversationRow>; base: Spool<ConversationRow>; cases: Spool<ToolCase> },
): AsyncGenerator<RunEvent, Made> {
  const made: Made = { split: [], counts: [], baseValid: [], cases: 0, rejected: {} };
  for await (const item of synthesize(documents, {
    config: config.curate,
    seed,
    wantBase: config.wantBase,
    written,
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

/** Not one of the sides of a split. */
const REMOVED = 255;

/** Marks rows that say what an evaluation asks, and writes why; nothing where the recipe does not ask for it. */
async function* removeContaminated(
  dir: RunDir,
  config: Recipe["curate"],
  spools: { dataset: Spool<ConversationRow>; base: Spool<ConversationRow>; cases: Spool<ToolCase> },
  sides: Uint8Array,
  made: Made,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  await rm(dir.contaminated, { force: true });
  if (!config.decontaminate) return;
  const isSide = (line: number, side: (typeof SIDES)[number]): boolean =>
    sides[line] === SIDES.indexOf(side);
  function* test(): Generator<ConversationRow> {
    let line = 0;
    for (const row of spools.dataset) if (isSide(line++, "test")) yield row;
  }
  const { removed, lines } = await decontaminate(
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
}

export const curate: Stage<CurateStageConfig> = {
  name: "curate",
  needs: ["collect"],
  config: (recipe) => ({
    curate: withoutPace(recipe.curate),
    sources: recipe.data.sources.map(({ kind }) => kind),
    wantBase: recipe.base.kind === "scratch",
  }),

  async check(recipe, dir) {
    const { written } = recipe.curate;
    if (!written) return;
    checkWrittenKinds(written);
    checkEndpoint(written, recipe.data.network);
    // Where there is a dataset already, its answers are in the cache.
    if (!(await readManifest(dir, "curate"))) endpointKey(written.endpoint, process.env);
  },

  /** Synthesis reads phrasings, answers and places that ship with the package; rows are held to evaluations. */
  async inputs({ curate: { decontaminate: asked, written } }) {
    const folder = join(packageRoot(), "corpus");
    const names = (await readdir(folder)).filter((name) => /\.jsonl?$/.test(name)).toSorted();
    const hashes = names.map(async (name) => [name, (await hashFile(join(folder, name))).sha256]);
    const evaluations = (asked?.files ?? []).map(async (path) => [path, await hashEvalSet(path)]);
    const files = await Promise.all([...hashes, ...evaluations]);
    return [...files, ...(written ? await promptHashes() : [])];
  },

  async *run({ recipe, config, dir, signal }) {
    const opened: { remove(): Promise<void> }[] = [];
    const open = async <Row>(folder: string, name: string): Promise<Spool<Row>> => {
      const spool = await openSpool<Row>(join(folder, `.${name}.spool`));
      opened.push(spool);
      return spool;
    };
    try {
      const documents = await open<Document>(dirname(dir.curated), "documents");
      const dropped = yield* curateDocuments(documents, dir, config, recipe.seed, signal);
      const written = yield* writtenData(documents, recipe, dir, signal);
      const spools = {
        dataset: await open<ConversationRow>(dir.dataset.root, "dataset"),
        base: await open<ConversationRow>(dir.dataset.root, "base"),
        cases: await open<ToolCase>(dir.dataset.root, "cases"),
      };
      const made = yield* makeRows(
        documents,
        written?.rows ?? [],
        config,
        recipe.seed,
        signal,
        spools,
      );
      yield {
        type: "tally",
        stage: "curate",
        step: "synthesize",
        kept: made.split.length,
        dropped: made.rejected,
      };
      const sides = splitRows(made.split, config.curate.split, recipe.seed);
      yield* removeContaminated(dir, config.curate, spools, sides, made, signal);
      const counts: Record<string, number> = { documents: documents.length };
      for (const [i, side] of SIDES.entries())
        counts[side] = await spools.dataset.copy(dir.dataset[side], (line) => sides[line] === i);
      counts.base = await spools.base.copy(dir.dataset.base, (line) => made.baseValid[line] === 0);
      counts["base-valid"] = await spools.base.copy(
        dir.dataset.baseValid,
        (line) => made.baseValid[line] === 1,
      );
      counts["tool-cases"] = await spools.cases.copy(dir.dataset.toolCases, () => true);
      const ownDropped = { ...dropped };
      if (written) {
        counts.written = written.rows.length;
        counts["written-pairs"] = written.pairs.length;
        for (const [reason, count] of Object.entries(written.dropped))
          dropped[`written ${reason}`] = count;
      }
      const stats = datasetStats({
        rows: made.counts,
        sides,
        base: counts.base,
        baseValid: counts["base-valid"],
        toolCases: made.cases,
        rejected: made.rejected,
        documents,
        dropped: ownDropped,
        ...(written && { written: written.stats }),
      });
      await writeFileAtomic(dir.dataset.stats, `${JSON.stringify(stats, null, 2)}\n`);
      await writeFileAtomic(dir.dataset.card, datasetCard(recipe, stats, { files: "jsonl" }));
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
          ...(config.curate.decontaminate ? [dir.contaminated] : []),
          train,
          valid,
          test,
          base,
          baseValid,
          toolCases,
          statsFile,
          card,
          ...(written ? [dir.written, dir.contrast] : []),
        ],
        counts,
        dropped,
      };
    } finally {
      for (const spool of opened) await spool.remove();
    }
  },
};
