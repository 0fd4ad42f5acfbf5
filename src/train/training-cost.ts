/** What a training stage will need, from the graphs that it will run: memory at its peak, and work a step. */
import { PROCESS_BYTES } from "../core/machine-memory.ts";
import type { TrainingConfig } from "../core/recipe.ts";
import { type GraphWork, type RunMemory, graphWork, runMemory, simplify } from "../engine/index.ts";
import {
  type BatchShape,
  type ModelShape,
  type Trained,
  muonNames,
  scores,
  trainedShapes,
} from "./graphs.ts";
import { type Objective, nextToken } from "./objective.ts";
import { type UpdateRule, updateGraph, updateGroups } from "./update.ts";

export interface TrainingJob {
  readonly model: ModelShape;
  readonly trained: Trained;
  readonly config: Pick<
    TrainingConfig,
    | "sequenceLength"
    | "microBatch"
    | "gradientAccumulation"
    | "recompute"
    | "beta1"
    | "beta2"
    | "epsilon"
    | "weightDecay"
    | "gradientClip"
  > & { neftuneAlpha?: number; optimizer?: TrainingConfig["optimizer"] };
  readonly objective?: Pick<Objective, "graph">;
  /** Share of the micro-batches by the capacity for trained positions that they are compiled for. */
  readonly steps: ReadonlyMap<number, number>;
  /** Capacities of the batches that are only scored. */
  readonly scoring: readonly number[];
  /** What lies in memory to train on. */
  readonly data: { readonly examples: number; readonly tokens: number };
}

/** Bytes, by what they are for. */
export interface TrainingMemory {
  /** Node.js, this program and the runtime. */
  readonly process: number;
  readonly data: number;
  /** The model's weights as they are kept. */
  readonly weights: number;
  /** What is trained with its moments, before and after a step, and the best so far. */
  readonly optimizer: number;
  /** Values and gradients of the forward and backward passes, of all graphs that are compiled. */
  readonly activations: number;
}

export interface TrainingCost {
  readonly trainable: number;
  readonly memory: TrainingMemory;
  readonly peak: number;
  /** Of one optimizer step: each graph with how often it is run, on average. */
  readonly work: readonly { readonly work: GraphWork; readonly times: number }[];
}

/** An encoded example: 1 kB in V8's heap, and as much again and more that reading it left behind. */
const EXAMPLE_BYTES = 2500;
/** Of its ids (int32) and flags. */
const TOKEN_BYTES = 5;

const held = ({ arena, session }: RunMemory): number => arena + session;

const batchShape = (
  { microBatch, sequenceLength }: TrainingJob["config"],
  predictors: number,
): BatchShape => ({ rows: microBatch, length: sequenceLength, predictors });

const trainedNumbers = (shapes: ReadonlyMap<string, readonly number[]>): number =>
  [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);

/** Bytes of the values of all graphs that only score the job's batches. */
export const scoringActivations = ({ model, trained, config, scoring }: TrainingJob): number =>
  scoring
    .map((predictors) =>
      held(runMemory(simplify(scores(model, trained, batchShape(config, predictors))))),
    )
    .reduce((a, b) => a + b, 0);

export function trainingCost(job: TrainingJob): TrainingCost {
  const { model, trained, config, objective = nextToken } = job;
  const shapes = trainedShapes(model, trained);
  const trainable = trainedNumbers(shapes);
  const { recompute, neftuneAlpha = 0 } = config;
  const training = {
    recompute,
    dropout: trained.kind === "lora" ? (trained.dropout ?? 0) : 0,
    neftuneAlpha,
  };
  const plusRatio = trained.kind === "lora" ? (trained.plusRatio ?? 1) : 1;
  const orthogonal = config.optimizer === "muon" ? muonNames(model, trained) : new Set<string>();
  const groups = updateGroups(shapes, orthogonal);
  /** A graph for each kind of group, and how often a step runs it. */
  const updates = new Map(
    groups.map(({ key, rules }) => [
      key,
      {
        graph: simplify(updateGraph(rules, config, { plusRatio })),
        times: groups.filter((group) => group.key === key).length,
      },
    ]),
  );
  const trainedBytes = 4 * trainable;
  const sizeOfRule = ({ shape }: UpdateRule): number => shape.reduce((a, b) => a * b, 1);
  /** Numbers that have a second moment. */
  const squared = groups
    .flatMap(({ rules }) => rules)
    .filter(({ orthogonal: byMuon }) => !byMuon)
    .reduce((sum, rule) => sum + sizeOfRule(rule), 0);
  const passes = [...job.steps].map(([predictors, share]) => {
    const batch = batchShape(config, predictors);
    const graph = simplify(objective.graph(model, trained, batch, training));
    return { share, memory: runMemory(graph), work: graphWork(graph) };
  });
  const memory: TrainingMemory = {
    process: PROCESS_BYTES,
    data: job.data.examples * EXAMPLE_BYTES + job.data.tokens * TOKEN_BYTES,
    // What is trained is the optimizer's; a model that is trained whole also keeps its start.
    weights: passes[0]!.memory.inputs - (trained.kind === "lora" ? trainedBytes : 0),
    // Weights and moments, the best weights so far, and as much again that waits to be collected.
    optimizer:
      4 * (2 * trainable + squared) +
      2 * trainedBytes +
      [...updates.values()].reduce((sum, { graph }) => sum + held(runMemory(graph)), 0),
    activations: passes.reduce((sum, pass) => sum + held(pass.memory), scoringActivations(job)),
  };
  return {
    trainable,
    memory,
    peak: Object.values(memory).reduce((a, b) => a + b, 0),
    work: [
      ...passes.map(({ share, work }) => ({ work, times: share * config.gradientAccumulation })),
      ...[...updates.values()].map(({ graph, times }) => ({ work: graphWork(graph), times })),
    ],
  };
}
