/** The steps of curation, in order; a new one is a file of its own and a line here or in `judging.ts`. */
import { createRandom } from "../../core/random.ts";
import type { Recipe } from "../../core/recipe.ts";
import { judgeInThreads } from "../judge-threads.ts";
import type { Step, StepGroup } from "../pipeline.ts";
import { exactDedupStep } from "./exact-dedup.ts";
import { nearDedupStep } from "./near-dedup.ts";
import { sharedPassagesStep } from "./shared-passages.ts";

export interface CurationOptions {
  seed: number;
  /** Kinds of the recipe's sources: of two copies, the earlier source's stays. */
  sourceOrder: readonly string[];
  /** A folder for documents that wait for the last one. */
  scratch: string;
  /** Threads that judge documents. */
  workers: number | undefined;
}

export const curationSteps = (
  { chunk, dedup, editionNotes, language }: Recipe["curate"],
  { seed, sourceOrder, scratch, workers }: CurationOptions,
): (Step | StepGroup)[] => [
  judgeInThreads({ chunk, editionNotes, language }, workers),
  exactDedupStep(sourceOrder, scratch),
  sharedPassagesStep(dedup, sourceOrder, scratch),
  nearDedupStep(dedup, sourceOrder, createRandom(seed).fork("near-dedup"), scratch),
];
