/** The stage that turns collected documents into a dataset, and keeps the reasons. */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ConversationRow } from "../core/conversation.ts";
import type { Document } from "../core/document.ts";
import { hashFile } from "../core/hash.ts";
import { packageRoot } from "../core/package-root.ts";
import type { Recipe } from "../core/recipe.ts";
import { type Stage, readManifest } from "../core/stage.ts";
import type { ToolCase } from "../core/tool-case.ts";
import { leaveOutOverShare } from "./balance.ts";
import { curateDocuments } from "./curate-documents.ts";
import { hashEvalSet } from "./eval-texts.ts";
import { addToLedger } from "./ledger.ts";
import { makeRows } from "./make-rows.ts";
import { hashVotes, readVotes } from "./preference/human-pairs.ts";
import { removeContaminated } from "./remove-contaminated.ts";
import { createReviewer } from "./review/apply-reviews.ts";
import { reviewNotices } from "./review/review-notices.ts";
import { readReviews } from "./review/review-store.ts";
import { hashOnnxFolder } from "./onnx-folder.ts";
import { rowLines } from "./row-lines.ts";
import { splitRows } from "./split.ts";
import { type Spool, openSpool } from "./spool.ts";
import { openEmbedder } from "./steps/embedding-dedup.ts";
import { openToxicityClassifier } from "./steps/toxicity.ts";
import { writeDataset } from "./write-dataset.ts";
import { endpointKey } from "./written/endpoint.ts";
import { checkWrittenKinds, checkWrittenPairs } from "./written/plan-texts.ts";
import { promptHashes } from "./written/prompt.ts";
import { writtenData } from "./written/written-data.ts";
import { checkEndpoint } from "./written/written.ts";

export interface CurateStageConfig {
  curate: Recipe["curate"];
  /** Kinds of the sources in the recipe's order: their files, and who wins among copies. */
  sources: string[];
  wantBase: boolean;
}

/** The same whatever the pace of threads and requests, which decides no row. */
function withoutPace(curate: Recipe["curate"]): Recipe["curate"] {
  const { workers: _, ...decisive } = curate;
  if (!decisive.written) return decisive;
  return { ...decisive, written: { ...decisive.written, concurrency: 1, timeoutSeconds: 1 } };
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
    const { preference, written, toxicity, dedup } = recipe.curate;
    checkWrittenPairs(recipe.curate);
    if (toxicity) await (await openToxicityClassifier(toxicity)).close();
    if (dedup.embeddings) await (await openEmbedder(dedup.embeddings)).close();
    if (preference?.votes !== undefined) for await (const _ of readVotes(preference.votes));
    if (!written) return;
    checkWrittenKinds(written);
    checkEndpoint(written, recipe.data.network);
    // Where there is a dataset already, its answers are in the cache.
    if (!(await readManifest(dir, "curate"))) endpointKey(written.endpoint, process.env);
  },

  /**
   * Synthesis reads phrasings, answers and places that ship with the package; models in local folders judge texts;
   * rows are held to evaluations; people may have said something of this recipe's texts.
   */
  async inputs({ curate: settings }, dir, { name }) {
    const { decontaminate: asked, preference, written, toxicity, dedup } = settings;
    const folder = join(packageRoot(), "corpus");
    const names = (await readdir(folder)).filter((file) => /\.jsonl?$/.test(file)).toSorted();
    const hashes = names.map(async (file) => [file, (await hashFile(join(folder, file))).sha256]);
    const evaluations = (asked?.files ?? []).map(async (path) => [path, await hashEvalSet(path)]);
    const files = await Promise.all([...hashes, ...evaluations]);
    const models = [toxicity?.model, dedup.embeddings?.model].filter((path) => path !== undefined);
    const read = [
      ...files,
      ...(written ? await promptHashes() : []),
      ...(await Promise.all(models.map((path) => hashOnnxFolder(path)))).flat(),
    ];
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
    const { seed } = recipe;
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
      const texts = written?.rows ?? [];
      const made = yield* makeRows(documents, texts, config, seed, signal, spools, reviewer);
      yield {
        type: "tally",
        stage: "curate",
        step: "synthesize",
        kept: made.split.length,
        dropped: made.rejected,
      };
      const sides = splitRows(made.split, config.curate.split, seed);
      const judge = yield* removeContaminated(dir, config.curate, spools, sides, made, signal);
      const { balance } = config.curate;
      const { left, notice } = balance
        ? leaveOutOverShare(made.counts, sides, balance, seed)
        : { left: [] };
      if (left.length > 0) made.rejected["over-its-share"] = left.length;
      await addToLedger(dir.ledger, [...rowLines(made.lines, spools.dataset, left)]);
      if (notice) yield { type: "notice", stage: "curate", message: notice };
      for (const message of reviewNotices(recipe, stored, reviewer))
        yield { type: "notice", stage: "curate", message };
      const reviews = reviewer?.used.size;
      const parts = { documents, dropped, written, spools, made, sides, judge, reviews };
      return yield* writeDataset(recipe, dir, parts);
    } finally {
      for (const spool of opened) await spool.remove();
    }
  },
};
