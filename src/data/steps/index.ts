/** The steps of curation, in order; a new one is a file of its own and a line here. */
import { createRandom } from "../../core/random.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { Step } from "../pipeline.ts";
import { chunkStep } from "./chunk.ts";
import { embeddingDedupStep } from "./embedding-dedup.ts";
import { exactDedupStep } from "./exact-dedup.ts";
import { headlineShapeStep } from "./headline-shape.ts";
import { languageStep } from "./language.ts";
import { lengthStep } from "./length.ts";
import { nearDedupStep } from "./near-dedup.ts";
import { normaliseStep } from "./normalise.ts";
import { piiStep } from "./pii.ts";
import { qualityStep } from "./quality.ts";
import { safetyStep } from "./safety.ts";
import { sharedPassagesStep } from "./shared-passages.ts";
import { stripGutenbergStep } from "./strip-gutenberg.ts";
import { stripNotes } from "./strip-notes.ts";
import { toxicityStep } from "./toxicity.ts";

export interface StepsOptions {
  seed: number;
  /** Kinds of the recipe's sources: of two copies, the earlier source's stays. */
  sourceOrder: readonly string[];
  /** A folder for documents that wait for the last one. */
  scratch: string;
  signal: AbortSignal;
  /** Hears how many documents a step of minutes has read. */
  told?(label: string, done: number): void;
}

export function curationSteps(config: Recipe["curate"], options: StepsOptions): Step[] {
  const { seed, sourceOrder, scratch, signal, told = () => undefined } = options;
  const random = createRandom(seed);
  const {
    toxicity,
    dedup: { embeddings },
  } = config;
  return [
    stripGutenbergStep(config.editionNotes === "drop" ? stripNotes : (text) => text),
    normaliseStep,
    chunkStep(config.chunk),
    lengthStep(config.chunk),
    languageStep(config.language),
    qualityStep,
    headlineShapeStep,
    safetyStep(),
    piiStep(),
    exactDedupStep(sourceOrder, scratch),
    sharedPassagesStep(config.dedup, sourceOrder, scratch),
    nearDedupStep(config.dedup, sourceOrder, random.fork("near-dedup"), scratch),
    // Before the last step: what is too rude to stay must not take a politer text of the same meaning with it.
    ...(toxicity ? [toxicityStep(toxicity, signal, (done) => told("texts classified", done))] : []),
    ...(embeddings
      ? [
          embeddingDedupStep(embeddings, {
            sourceOrder,
            random: random.fork("embedding-dedup"),
            scratch,
            signal,
            told: (done) => told("texts embedded", done),
          }),
        ]
      : []),
  ];
}
