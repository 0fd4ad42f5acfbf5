/** What a training step makes smaller: a sum over units, which the optimizer divides by their number. */
import type { Value } from "../engine/index.ts";
import type { Graph } from "../engine/index.ts";
import type { Model } from "../models/folder.ts";
import { type BatchShape, type Trained, type Training, lossAndGradients } from "./graphs.ts";
import type { PackedBatch } from "./packing.ts";

export interface Objective {
  /** Outputs `loss` and `d_<name>` for everything trained; any other scalar is reported, divided like the loss. */
  graph(
    model: Pick<Model, "architecture" | "config">,
    trained: Trained,
    shape: BatchShape,
    training: Training,
  ): Graph;
  /** Inputs of the graph besides those that every batch has. */
  feeds(batch: PackedBatch, shape: BatchShape): Record<string, Value>;
  units(batch: PackedBatch): number;
}

/** Cross-entropy of the trained tokens. */
export const nextToken: Objective = {
  graph: lossAndGradients,
  feeds: () => ({}),
  units: (batch) => batch.targets.length,
};
