/** The steps of curation, in order; a new one is a file of its own and a line here or in `judging.ts`. */
import { createRandom } from "../../core/random.ts";
import type { Recipe } from "../../core/recipe.ts";
import { judgeInThreads } from "../judge-threads.ts";
import type { Step, StepGroup } from "../pipeline.ts";
import { embeddingDedupStep } from "./embedding-dedup.ts";
import { exactDedupStep } from "./exact-dedup.ts";
import { nearDedupStep } from "./near-dedup.ts";
import { sharedPassagesStep } from "./shared-passages.ts";
import { toxicityStep } from "./toxicity.ts";

export interface CurationOptions {
  seed: number;
  /** Kinds of the recipe's sources: of two copies, the earlier source's stays. */
  sourceOrder: readonly string[];
  /** A folder for documents that wait for the last one. */
  scratch: string;
  /** Threads that judge documents. */
  workers: number | undefined;
  signal: AbortSignal;
  /** Hears how many documents a step of minutes has read. */
  told?(label: string, done: number): void;
}

export function curationSteps(
  { chunk, dedup, editionNotes, language, toxicity }: Recipe["curate"],
  { seed, sourceOrder, scratch, workers, signal, told = () => undefined }: CurationOptions,
): (Step | StepGroup)[] {
  const random = createRandom(seed);
  return [
    judgeInThreads({ chunk, editionNotes, language }, workers),
    exactDedupStep(sourceOrder, scratch),
    sharedPassagesStep(dedup, sourceOrder, scratch),
    nearDedupStep(dedup, sourceOrder, random.fork("near-dedup"), scratch),
    // Before the last step: what is too rude to stay must not take a politer text of the same meaning with it.
    ...(toxicity ? [toxicityStep(toxicity, signal, (done) => told("texts classified", done))] : []),
    ...(dedup.embeddings
      ? [
          embeddingDedupStep(dedup.embeddings, {
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
