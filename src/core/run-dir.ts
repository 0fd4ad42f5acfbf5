/** The only place that knows the paths inside a run. */
import { join } from "node:path";
import type { StageName } from "./events.ts";

/** What the training loop writes. */
export interface TrainingFiles {
  readonly checkpoints: string;
  /** A line a step. */
  readonly metrics: string;
  /** Folder of TensorBoard's event files. */
  readonly tensorboard: string;
  /** The batch that stopped the run, where one did. */
  readonly badBatch: string;
}

/** The files of a dataset, in a run or in a version of it. */
export interface DatasetDir {
  readonly root: string;
  readonly train: string;
  readonly valid: string;
  readonly test: string;
  /** Neutral text and drills that a base model from scratch is trained on. */
  readonly base: string;
  readonly baseValid: string;
  /** Rows of which one answer is better than the other. */
  readonly preference: string;
  /** Questions with known right calls, for the tool evaluation; never in train. */
  readonly toolCases: string;
  /** The clock and the failures of each episode: with them its calls can be run again. */
  readonly worlds: string;
  readonly stats: string;
  readonly card: string;
}

export interface RunDir {
  readonly root: string;
  readonly recipe: string;
  readonly events: string;
  /** What people said of records and rows: beside the runs, which share it and may be deleted. */
  readonly reviews: string;
  manifest(stage: StageName): string;
  /** Where a stage alone writes. */
  folders(stage: StageName): string[];
  readonly documents: string;
  readonly ledger: string;
  /** Ledger lines of rows that an evaluation asks, where the recipe takes them out. */
  readonly contaminated: string;
  /** Kept documents after curation: cleaned, chunked, one a line. */
  readonly curated: string;
  readonly dataset: DatasetDir;
  /** Tagged versions of the dataset, a folder each. */
  readonly versions: string;
  /** Texts that a model wrote, the dropped ones too, and the requests for them that failed. */
  readonly written: string;
  readonly failures: string;
  /** Preference pairs whose rejected side a model wrote. */
  readonly contrast: string;
  readonly base: TrainingFiles & { readonly root: string };
  /** Base models in the formats of `train.quantization`, named by the hash of what they were made from. */
  readonly quantized: string;
  /** Training on plain text, where the recipe asks for it. */
  readonly dapt: TrainingFiles & { readonly adapter: string };
  readonly train: TrainingFiles & { readonly root: string; readonly adapter: string };
  readonly preference: TrainingFiles & {
    readonly adapter: string;
    /** Log-probabilities of each row under the adapter of `train`. */
    readonly reference: string;
  };
  readonly evaluate: {
    readonly root: string;
    readonly json: string;
    readonly html: string;
    readonly markdown: string;
    readonly junit: string;
    readonly samples: string;
  };
}

export const datasetDir = (root: string): DatasetDir => ({
  root,
  train: join(root, "train.jsonl"),
  valid: join(root, "valid.jsonl"),
  test: join(root, "test.jsonl"),
  preference: join(root, "preference.jsonl"),
  base: join(root, "base.jsonl"),
  baseValid: join(root, "base-valid.jsonl"),
  toolCases: join(root, "tool-cases.jsonl"),
  worlds: join(root, "worlds.jsonl"),
  stats: join(root, "stats.json"),
  card: join(root, "README.md"),
});

export function runDir(root: string): RunDir {
  const at = (...parts: string[]): string => join(root, ...parts);
  const trainingFiles = (stage: StageName): TrainingFiles => ({
    checkpoints: at(stage, "checkpoints"),
    metrics: at(stage, "metrics.jsonl"),
    tensorboard: at(stage, "tensorboard"),
    badBatch: at(stage, "bad-batch.json"),
  });
  return {
    root,
    recipe: at("recipe.json"),
    events: at("events.jsonl"),
    reviews: at("..", "reviews.jsonl"),
    manifest: (stage) => at(stage, "manifest.json"),
    folders: (stage) => [at(stage), ...(stage === "curate" ? [at("dataset")] : [])],
    documents: at("collect", "documents"),
    ledger: at("curate", "ledger.jsonl"),
    contaminated: at("curate", "contaminated.jsonl"),
    curated: at("curate", "documents.jsonl"),
    dataset: datasetDir(at("dataset")),
    versions: at("versions"),
    written: at("curate", "written.jsonl"),
    failures: at("curate", "failures.jsonl"),
    contrast: at("curate", "contrast.jsonl"),
    base: { root: at("base", "model"), ...trainingFiles("base") },
    quantized: at("base", "quantized"),
    dapt: { adapter: at("dapt", "adapter"), ...trainingFiles("dapt") },
    train: {
      root: at("train"),
      adapter: at("train", "adapter"),
      ...trainingFiles("train"),
    },
    preference: {
      adapter: at("preference", "adapter"),
      reference: at("preference", "reference.jsonl"),
      ...trainingFiles("preference"),
    },
    evaluate: {
      root: at("evaluate"),
      json: at("evaluate", "report.json"),
      html: at("evaluate", "report.html"),
      markdown: at("evaluate", "report.md"),
      junit: at("evaluate", "junit.xml"),
      samples: at("evaluate", "samples.jsonl"),
    },
  };
}
