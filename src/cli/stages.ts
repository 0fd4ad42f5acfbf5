/** The stages of a run in order, wired to what they need. */
import type { Stage } from "../core/stage.ts";
import { collect } from "../data/collect.ts";
import { curate } from "../data/curate.ts";
import { createEvaluate } from "../evals/evaluate.ts";
import { base } from "../train/base-stage.ts";
import { dapt } from "../train/dapt-stage.ts";
import { preference } from "../train/preference-stage.ts";
import { train } from "../train/train-stage.ts";
import { openSystems } from "./open-systems.ts";

export const evaluate = createEvaluate({
  openSystems: ({ recipe, dir }) => openSystems(recipe, dir),
});

export const allStages: readonly Stage[] = [
  collect,
  curate,
  base,
  dapt,
  train,
  preference,
  evaluate,
];
