/** The stage that turns collected documents into a dataset, and keeps the reasons. */
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeTemporaries, writeFileAtomic } from "../core/atomic-file.ts";
import { type Message, fromWireMessage } from "../core/chat.ts";
import { type Conversation, type ConversationRow, toRow } from "../core/conversation.ts";
import { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { hashFile, sha256 } from "../core/hash.ts";
import { readJsonl, writeJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";
import { type Preference, toPreferenceRow } from "../core/preference.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { type Stage, readManifest } from "../core/stage.ts";
import type { ToolCase } from "../core/tool-case.ts";
import { leaveOutOverShare } from "./balance.ts";
import { documentsFile } from "./collect.ts";
import { datasetCard } from "./dataset-card.ts";
import { type RowCount, countRow, datasetStats } from "./dataset-stats.ts";
import { DECONTAMINATE, type Decontaminated, decontaminate } from "./decontaminate.ts";
import { hashEvalSet } from "./eval-texts.ts";
import { LedgerLine, openLedger } from "./ledger.ts";
import { createLosses } from "./losses.ts";
import { runPipeline, stepNames } from "./pipeline.ts";
import type { IsAsked } from "./preference/admit-pairs.ts";
import { editPair, hashVotes, readVotes } from "./preference/human-pairs.ts";
import { lastQuestion } from "./preference/prompts.ts";
import { removePairs, writePairs } from "./preference/write-pairs.ts";
import { type ReviewedRow, type Reviewer, createReviewer } from "./review/apply-reviews.ts";
import { reviewNotices } from "./review/review-notices.ts";
import { readReviews } from "./review/review-store.ts";
import { refusedLine, rowLines } from "./row-lines.ts";
import { REMOVED, SIDES, type SplitRow, splitRow, splitRows } from "./split.ts";
import { type Spool, openSpool } from "./spool.ts";
import { curationSteps } from "./steps/index.ts";
import { questionKey } from "./synth/cases.ts";
import { synthesize } from "./synth/synthesize.ts";
import { type MadeWorld, writeWorlds } from "./write-worlds.ts";
import { endpointKey } from "./written/endpoint.ts";
import { checkWrittenKinds } from "./written/plan-texts.ts";
import { promptHashes } from "./written/prompt.ts";
import { writtenData } from "./written/written-data.ts";
import { checkEndpoint } from "./written/written.ts";

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
  { seed, curate: { workers } }: Recipe,
  reviewer: Reviewer | undefined,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, Record<string, number>> {
  const scratch = dirname(dir.ledger);
  const steps = [
    ...curationSteps(config.curate, { seed, sourceOrder: config.sources, scratch, workers }),
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
  worlds: MadeWorld[];
  rejected: Record<string, number>;
  /** Of rows that a person judged or the verifier refused. */
  lines: LedgerLine[];
  pairs: Preference[];
  /** Rows whose answer was edited, by their line in `split`. */
  edits: Map<number, Preference>;
  /** Where pairs are made: what each episode and each case asks last. */
  asked: { line: number; question: string }[];
  reserved: Set<string>;
}

/** The same whatever the pace of threads and requests, which decides no row. */
function withoutPace(curate: Recipe["curate"]): Recipe["curate"] {
  const { workers: _, ...decisive } = curate;
  if (!decisive.written) return decisive;
  return { ...decisive, written: { ...decisive.written, concurrency: 1, timeoutSeconds: 1 } };
}

const askedBy = (messages: readonly Message[]): string => questionKey(lastQuestion(messages));

async function* makeRows(
  documents: Spool<Document>,
  written: readonly Conversation[],
  config: CurateStageConfig,
  seed: number,
  signal: AbortSignal,
  spools: { dataset: Spool<ConversationRow>; base: Spool<ConversationRow>; cases: Spool<ToolCase> },
  reviewer: Reviewer | undefined,
): AsyncGenerator<RunEvent, Made> {
  const made: Made = {
    split: [],
    counts: [],
    baseValid: [],
    cases: 0,
    worlds: [],
    rejected: {},
    lines: [],
    pairs: [],
    edits: new Map(),
    asked: [],
    reserved: new Set(),
  };
  const { preference } = config.curate;
  const reject = (reason: string): void => {
    made.rejected[reason] = (made.rejected[reason] ?? 0) + 1;
  };
  for await (const item of synthesize(documents, {
    config: config.curate,
    seed,
    wantBase: config.wantBase,
    written,
    signal,
  })) {
    switch (item.to) {
      case "dataset": {
        const reviewed: ReviewedRow = reviewer?.row(item.row) ?? { row: item.row };
        const { row, reason, line } = reviewed;
        if (line) made.lines.push(line);
        if (reason !== undefined) reject(reason);
        if (!row) break;
        if (preference?.edits && reviewed.before)
          made.edits.set(made.split.length, editPair(reviewed.before, row));
        if (preference && row.tags.source === "episodes")
          made.asked.push({ line: made.split.length, question: askedBy(row.messages) });
        if (item.world) made.worlds.push({ line: made.split.length, world: item.world });
        made.split.push(splitRow(row));
        made.counts.push(countRow(row));
        await spools.dataset.append(toRow(row));
        break;
      }
      case "base":
        made.baseValid.push(
          Number.parseInt(sha256(item.row.id).slice(0, 8), 16) < BASE_VALID * 2 ** 32 ? 1 : 0,
        );
        await spools.base.append(toRow(item.row));
        break;
      case "cases":
        made.cases++;
        if (preference) made.reserved.add(askedBy(item.row.messages.map(fromWireMessage)));
        await spools.cases.append(item.row);
        break;
      case "preference":
        made.pairs.push(item.row);
        break;
      case "rejected":
        reject(item.reason);
        if (item.row) made.lines.push(refusedLine(item.row, item.reason, item.sameAs));
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

/**
 * Marks rows that say what an evaluation asks, and writes why; returns what judged them. Nothing where the recipe does
 * not ask for it.
 */
async function* removeContaminated(
  dir: RunDir,
  config: Recipe["curate"],
  spools: { dataset: Spool<ConversationRow>; base: Spool<ConversationRow>; cases: Spool<ToolCase> },
  sides: Uint8Array,
  made: Made,
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

/** Writes the pairs that may train: edits of rows on the training side only, and no question of the others. */
async function writeMadePairs(
  dir: RunDir,
  made: Made,
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

/** Adds lines to the ledger's file. */
async function addToLedger(dir: RunDir, added: Iterable<LedgerLine>): Promise<void> {
  async function* lines(): AsyncGenerator<LedgerLine> {
    yield* readJsonl(dir.ledger, LedgerLine);
    yield* added;
  }
  await writeJsonl(dir.ledger, lines());
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
    const { preference, written } = recipe.curate;
    if (preference?.votes !== undefined) for await (const _ of readVotes(preference.votes));
    if (!written) return;
    checkWrittenKinds(written);
    checkEndpoint(written, recipe.data.network);
    // Where there is a dataset already, its answers are in the cache.
    if (!(await readManifest(dir, "curate"))) endpointKey(written.endpoint, process.env);
  },

  /**
   * Synthesis reads phrasings, answers and places that ship with the package; rows are held to evaluations; people
   * may have said something of this recipe's texts.
   */
  async inputs({ curate: { decontaminate: asked, preference, written } }, dir, { name }) {
    const folder = join(packageRoot(), "corpus");
    const names = (await readdir(folder)).filter((file) => /\.jsonl?$/.test(file)).toSorted();
    const hashes = names.map(async (file) => [file, (await hashFile(join(folder, file))).sha256]);
    const evaluations = (asked?.files ?? []).map(async (path) => [path, await hashEvalSet(path)]);
    const files = await Promise.all([...hashes, ...evaluations]);
    const read = [...files, ...(written ? await promptHashes() : [])];
    const { byKey } = await readReviews(dir.reviews, name);
    const votes = preference?.votes;
    if (byKey.size === 0 && votes === undefined) return read;
    return {
      read,
      reviews: Object.fromEntries(byKey),
      votes: votes === undefined ? null : await hashVotes(votes),
    };
  },

  async *run({ recipe, config, dir, signal }) {
    for (const folder of [dirname(dir.curated), dir.dataset.root]) await removeTemporaries(folder);
    const stored = await readReviews(dir.reviews, recipe.name);
    const reviewer = stored.byKey.size > 0 ? createReviewer(stored.byKey) : undefined;
    const opened: { remove(): Promise<void> }[] = [];
    const open = async <Row>(folder: string, name: string): Promise<Spool<Row>> => {
      const spool = await openSpool<Row>(join(folder, `.${name}.spool`));
      opened.push(spool);
      return spool;
    };
    try {
      const documents = await open<Document>(dirname(dir.curated), "documents");
      const dropped = yield* curateDocuments(documents, dir, config, recipe, reviewer, signal);
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
        reviewer,
      );
      yield {
        type: "tally",
        stage: "curate",
        step: "synthesize",
        kept: made.split.length,
        dropped: made.rejected,
      };
      const sides = splitRows(made.split, config.curate.split, recipe.seed);
      const judge = yield* removeContaminated(dir, config.curate, spools, sides, made, signal);
      const { balance } = config.curate;
      const left = balance ? leaveOutOverShare(made.counts, sides, balance, recipe.seed) : [];
      if (left.length > 0) made.rejected["over-its-share"] = left.length;
      await addToLedger(dir, rowLines(made.lines, spools.dataset, left));
      const counts: Record<string, number> = { documents: documents.length };
      if (reviewer) counts.reviews = reviewer.used.size;
      for (const message of reviewNotices(recipe, stored, reviewer))
        yield { type: "notice", stage: "curate", message };
      for (const [i, side] of SIDES.entries())
        counts[side] = await spools.dataset.copy(dir.dataset[side], (line) => sides[line] === i);
      counts.base = await spools.base.copy(dir.dataset.base, (line) => made.baseValid[line] === 0);
      counts["base-valid"] = await spools.base.copy(
        dir.dataset.baseValid,
        (line) => made.baseValid[line] === 1,
      );
      counts["tool-cases"] = await spools.cases.copy(dir.dataset.toolCases, () => true);
      const hasWorlds = await writeWorlds(dir.dataset.worlds, made.worlds, sides);
      const ownDropped = { ...dropped };
      if (written) {
        counts.written = written.rows.length;
        counts["written-pairs"] = written.pairs.length;
        for (const [reason, count] of Object.entries(written.dropped))
          dropped[`written ${reason}`] = count;
      }
      const { preference } = config.curate;
      const pairs = preference && (await writeMadePairs(dir, made, sides, preference.votes, judge));
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
        base: counts.base,
        baseValid: counts["base-valid"],
        toolCases: made.cases,
        rejected: made.rejected,
        documents,
        dropped: ownDropped,
        ...(written && { written: written.stats }),
        ...(pairs && { preference: pairs.tally }),
      });
      await writeFileAtomic(dir.dataset.stats, `${JSON.stringify(stats, null, 2)}\n`);
      await writeFileAtomic(
        dir.dataset.card,
        datasetCard(recipe, stats, { files: "jsonl", preference: pairs !== undefined }),
      );
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
        outputs: [dir.curated, train, valid, test, base, baseValid, toolCases],
        // Told apart so that neither a verdict that changes no row nor another number of pairs trains a base anew.
        asides: [
          dir.ledger,
          ...(config.curate.decontaminate ? [dir.contaminated] : []),
          statsFile,
          card,
          ...(hasWorlds ? [dir.dataset.worlds] : []),
          ...(written ? [dir.written, dir.contrast] : []),
          ...(pairs ? [dir.dataset.preference] : []),
        ],
        counts,
        dropped,
      };
    } finally {
      for (const spool of opened) await spool.remove();
    }
  },
};
