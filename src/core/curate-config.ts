/** `curate`: how collected documents become rows. */
import { z } from "zod";
import { EpisodeCategory } from "./conversation.ts";
import { DocumentKind } from "./document.ts";
import { WrittenConfig } from "./written-config.ts";

const fraction = z.number().min(0).max(1);
const count = z.number().int().nonnegative();
const positive = z.number().int().positive();

/** A local folder with a text model that was exported to ONNX, and what of the documents it reads. */
const textModel = {
  model: z.string().min(1),
  /** Left out, texts of all kinds. */
  kinds: z.array(DocumentKind).nonempty().optional(),
  /** Texts in one run of the model, at most. Changes how fast it is, and no result. */
  batch: positive.max(1024).default(16),
};

export const CurateConfig = z.strictObject({
  /** Threads that judge documents; left out, one core fewer than there are, four at most. Decides no row. */
  workers: positive.max(64).optional(),
  /** ISO 639-1; records in another language are dropped. */
  language: z.string().length(2).default("en"),
  /** Of Gutenberg books: starred footnotes, `[picture]` and notes on the edition. */
  editionNotes: z.enum(["keep", "drop"]).default("keep"),
  chunk: z
    .strictObject({ minWords: positive.default(40), maxWords: positive.default(110) })
    .prefault({}),
  /** Word-shingle MinHash: `bands` of `rows` propose pairs, `threshold` (exact Jaccard) decides. */
  dedup: z
    .strictObject({
      shingle: positive.default(5),
      bands: positive.default(20),
      rows: positive.default(13),
      threshold: fraction.default(0.8),
      /** One shingle in so many proposes a passage that another work holds too; 1 misses none and takes more time. */
      sample: positive.default(8),
      /** A source that loses more than this share of its records as near duplicates: `stop` the run, or `report` it. */
      maxLoss: fraction.default(0.3),
      onLoss: z.enum(["stop", "report"]).default("stop"),
      /** Texts that mean the same in other words, by sentence embeddings; left out, nobody looks for them. */
      embeddings: z
        .strictObject({
          ...textModel,
          /** Cosine similarity. */
          threshold: z.number().min(0.8).max(1).default(0.95),
        })
        .optional(),
    })
    .prefault({}),
  /** A text classifier reads every text; left out, none does. */
  toxicity: z
    .strictObject({
      ...textModel,
      /** Probability of a judged label, in the worst window of the text. */
      threshold: fraction.default(0.9),
      /** Of the model's `id2label`; left out, those whose names are known to mean toxicity. */
      labels: z.array(z.string().min(1)).nonempty().optional(),
      /** `label` drops nothing and notes the score, in the ledger and as `extra.toxicity` of the text. */
      action: z.enum(["drop", "label"]).default("drop"),
    })
    .optional(),
  /** A source that loses more than this share of its records stops the run. */
  maxLoss: fraction.default(0.3),
  /** Take rows out of training that say what an evaluation asks; left out, only the questions of our own cases go. */
  decontaminate: z
    .strictObject({
      /** JSONL of evaluations of your own, beside our cases and the test split. */
      files: z.array(z.string().min(1)).default([]),
      /** Words in a row that prove it, unless more than `common` rows for training have them. */
      ngram: positive.min(5).default(13),
      common: positive.default(10),
      /** Jaccard similarity of word 5-grams. */
      near: fraction.default(0.8),
      /** A domain that loses more than this share of its rows stops the run. */
      maxLoss: fraction.default(0.1),
    })
    .optional(),
  instructions: z
    .strictObject({
      perDocument: positive.default(1),
      maxPerTemplate: positive.default(4000),
      /** Rows that need no document: jokes on a town's weather, rewriting, explaining, unsafe wishes turned. */
      written: count.default(0),
      /** Share of the rows in which a tag such as `[joke]` stands before the request. */
      tagged: fraction.default(0),
    })
    .prefault({}),
  /** Cut the dataset to these shares of its rows, as large as the scarcest kind allows; left out, all rows stay. */
  balance: z
    .strictObject({
      literary: fraction.default(0.4),
      humour: fraction.default(0.3),
      tool: fraction.default(0.2),
      hybrid: fraction.default(0.1),
    })
    .optional(),
  episodes: z
    .strictObject({
      train: count.default(6000),
      /** Share of the episodes in which something was said before: another question, small talk, a missing place. */
      dialogues: fraction.default(0.3),
      /** Evaluation cases of each slice; `ToolSlice` lists them. */
      cases: positive.default(220),
      /** Shares by category; left out, episodes are the older mix of single questions and `dialogues`. */
      mix: z
        .partialRecord(EpisodeCategory, z.number().nonnegative())
        .refine((shares) => Object.values(shares).some((share) => share > 0), "no share above 0")
        .optional(),
      /** Share of the episodes whose tools and parameters go by other names (Hammer). */
      renamed: fraction.default(0),
      heldoutPlaces: fraction.default(0.25),
      /** Wordings of an answer, at most so many of each kind and voice; a small model learns few well or many badly. */
      answers: positive.default(1000),
    })
    .prefault({}),
  /** Pairs of a better and a worse answer for stage `preference`; left out, none are made. */
  preference: z
    .strictObject({
      /** Tool decisions: call, ask, decline or answer. */
      decisions: count.default(0),
      /** The voice that was asked for against another. */
      voice: count.default(0),
      /** What the tool said against what it did not. */
      grounded: count.default(0),
      /** Answers of ours against worse ones that a model wrote (`curate.written.kinds.contrast`), at most so many. */
      written: count.default(0),
      /** Answers that a reviewer edited, against what they were before. */
      edits: z.boolean().default(true),
      /** Rows that people chose: a JSONL file in the form of `dataset/preference.jsonl`. */
      votes: z.string().min(1).optional(),
    })
    .optional(),
  /** Copying and reading drills for a base model from scratch. */
  drills: count.default(0),
  /** Texts that a language model writes; left out, none is asked. */
  written: WrittenConfig.optional(),
  split: z
    .strictObject({ valid: fraction.default(0.03), test: fraction.default(0.05) })
    .prefault({}),
});
