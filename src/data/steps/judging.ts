/** Steps that judge each document by itself, in order; they run in threads, several documents at a time. */
import type { Recipe } from "../../core/recipe.ts";
import type { Step } from "../pipeline.ts";
import { chunkStep } from "./chunk.ts";
import { headlineShapeStep } from "./headline-shape.ts";
import { languageStep } from "./language.ts";
import { lengthStep } from "./length.ts";
import { normaliseStep } from "./normalise.ts";
import { piiStep } from "./pii.ts";
import { qualityStep } from "./quality.ts";
import { safetyStep } from "./safety.ts";
import { stripGutenbergStep } from "./strip-gutenberg.ts";
import { stripNotes } from "./strip-notes.ts";

/** What of a recipe these steps are made from; it is copied to each thread. */
export type JudgingConfig = Pick<Recipe["curate"], "chunk" | "editionNotes" | "language">;

export const judgingSteps = (config: JudgingConfig): Step[] => [
  stripGutenbergStep(config.editionNotes === "drop" ? stripNotes : (text) => text),
  normaliseStep,
  chunkStep(config.chunk),
  lengthStep(config.chunk),
  languageStep(config.language),
  qualityStep,
  headlineShapeStep,
  safetyStep(),
  piiStep(),
];
