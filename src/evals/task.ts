/** An `EvalTask`: what it runs, what it measures on every item, and which gates it sets. */
import type { WireMessage } from "../core/chat.ts";
import type { RunEvent } from "../core/events.ts";
import type { Random } from "../core/random.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { Comparison, Gate, Score } from "./report.ts";
import type { Part } from "./statistics.ts";
import type { System } from "./system.ts";

export interface EvalContext {
  recipe: Recipe;
  dir: RunDir;
  random: Random;
  signal: AbortSignal;
}

/** One metric on one slice: for each system the same items in the same order, so that they pair. */
export interface Measure {
  metric: string;
  slice?: string;
  /** A share is a number of hits among n items; a mean is anything else that is averaged. */
  kind: "share" | "mean";
  /** Absent where the difference between systems means nothing by itself. */
  better?: "higher" | "lower";
  /** Of the averaged ratio: loss to perplexity. */
  shape?: (ratio: number) => number;
  parts: ReadonlyMap<string, readonly Part[]>;
}

/** One item as one system answered it; a line of `samples.jsonl`. */
export interface Sample {
  task: string;
  id: string;
  system: string;
  slice?: string;
  /** The whole conversation: what was asked, and everything since. */
  messages: WireMessage[];
  outcome: string;
  /** Why, where the outcome alone does not say it. */
  note?: string;
  values: Record<string, number>;
}

export interface TaskResult {
  measures: Measure[];
  samples: Sample[];
  /** Scores that belong to no system, such as those of a classifier. */
  scores?: Omit<Score, "task">[];
}

export interface EvalTask {
  readonly name: string;
  /** Yields progress. A failure of a system or a checker fails the run: it is never an item's score. */
  run(systems: readonly System[], context: EvalContext): AsyncGenerator<RunEvent, TaskResult>;
  gates(scores: readonly Score[], comparisons: readonly Comparison[]): Gate[];
}
