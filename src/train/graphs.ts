/** The graphs of training: loss with gradients of one micro-batch, and scores without. */
import type { LoraConfig } from "../core/recipe.ts";
import {
  Graph,
  type Tensor,
  cast,
  crossEntropy,
  equal,
  frozenCrossEntropy,
  gather,
  grad,
  mul,
  reshape,
  rope,
  sub,
} from "../engine/index.ts";
import { type Parameter, type Recompute, outputWeight } from "../models/architecture.ts";
import { attentionByHeads } from "../models/attention-by-heads.ts";
import { selfAttention } from "../models/attention.ts";
import { headDim } from "../models/config.ts";
import type { Model } from "../models/folder.ts";
import { type LoraModule, loraModules, loraShapes, withLora } from "../models/lora.ts";
import type { Quantization } from "../models/quantize/index.ts";
import { quantizedWeights } from "../models/quantize/quantized-weights.ts";
import { type Weights, inputWeights } from "../models/weights.ts";
import { inputDropout } from "./dropout.ts";
import { noisyEmbeddings } from "./neftune.ts";

/** What the graphs need to know of a model; with `quantization`, its frozen base is fed packed. */
export type ModelShape = Pick<Model, "architecture" | "config"> & {
  readonly quantization?: Quantization;
};

/** What is trained: every parameter of the model, or an adapter beside the frozen ones. */
export type Trained =
  | { kind: "all" }
  | {
      kind: "lora";
      modules: readonly LoraModule[];
      /** Share of an adapter's input that training zeroes. */
      dropout?: number;
      /** LoRA+: how many times faster B learns than A. */
      plusRatio?: number;
    };

/** What a recipe's adapter trains of a model. Throws `model/lora-targets` and the codes of its patterns. */
export function loraTrained(
  model: ModelShape,
  lora: LoraConfig,
): Extract<Trained, { kind: "lora" }> {
  const modules = loraModules(model.architecture.parameters(model.config), lora);
  return { kind: "lora", modules, dropout: lora.dropout, plusRatio: lora.plusRatio };
}

export interface BatchShape {
  rows: number;
  length: number;
  /** Capacity for trained positions; unused ones have weight 0. */
  predictors: number;
}

/** Attention scores of a layer that may exist at one time where layers are recomputed: 64 MB as float32. */
const MOST_SCORES = 1 << 24;

/** How a training graph is built; scoring has none of it. */
export interface Training {
  /** What the backward pass computes again: each layer, or of each layer what costs little. */
  recompute: Recompute;
  dropout?: number;
  neftuneAlpha?: number;
}

/** Rows of logits that exist at one time in the loss. */
const LOSS_CHUNK = 512;

/** Names and shapes of what is trained. */
export function trainedShapes(model: ModelShape, trained: Trained): Map<string, readonly number[]> {
  if (trained.kind === "lora") return loraShapes(trained.modules);
  return new Map(
    [...model.architecture.parameters(model.config)].map(([name, { shape }]) => [name, shape]),
  );
}

/** 0 where a token may look (same example, not ahead), -1e9 elsewhere; `[rows, 1, 1, length, length]`. */
function attentionMask(graph: Graph, segments: Tensor, shape: BatchShape): Tensor {
  const { rows, length } = shape;
  const causal = new Float32Array(length * length);
  for (let i = 0; i < length; i++) causal.fill(1, i * length, i * length + i + 1);
  const same = cast(
    equal(reshape(segments, [rows, length, 1]), reshape(segments, [rows, 1, length])),
    "float32",
  );
  const allowed = mul(same, graph.constant(causal, "float32", [length, length]));
  const mask = mul(sub(allowed, graph.constant(1, "float32")), graph.constant(1e9, "float32"));
  return reshape(mask, [rows, 1, 1, length, length]);
}

/** Builds the forward pass and the summed loss over the trained positions. */
export function forwardLoss(
  graph: Graph,
  model: ModelShape,
  trained: Trained,
  shape: BatchShape,
  { recompute, dropout = 0, neftuneAlpha = 0 }: Training,
): { weights: Weights; loss: Tensor; logProbs: Tensor } {
  const { config, architecture, quantization } = model;
  const { rows, length, predictors } = shape;
  const parameters: Map<string, Parameter> = architecture.parameters(config);
  if (quantization && trained.kind === "all") throw new Error("a packed model is frozen");
  const base = quantization
    ? quantizedWeights(graph, parameters, quantization)
    : inputWeights(graph, parameters, { trainable: trained.kind === "all" });
  const beside = {
    packed: quantization !== undefined,
    ...(dropout > 0 && { drop: inputDropout(graph, dropout, rows * length) }),
  };
  const weights = trained.kind === "lora" ? withLora(graph, base, trained.modules, beside) : base;
  const ids = graph.input("ids", "int64", [rows, length]);
  const read =
    neftuneAlpha > 0 ? noisyEmbeddings(graph, weights, ids, config.hidden_size) : { weights, ids };
  const positions = graph.input("positions", "int64", [rows, length]);
  const size = headDim(config);
  // Only the positions that can occur: a batch row is never longer than `length`.
  const table = (name: string): Tensor =>
    reshape(gather(graph.input(name, "float32", [length, size]), positions, 0), [
      rows,
      1,
      length,
      size,
    ]);
  const [cos, sin] = [table("cos"), table("sin")];
  const mask = attentionMask(graph, graph.input("segments", "int64", [rows, length]), shape);
  // Where memory is short, that of all heads' scores is the first to go.
  const many = rows * config.num_attention_heads * length * length > MOST_SCORES;
  const attend: typeof attentionByHeads =
    recompute === true && many
      ? attentionByHeads
      : (...operands) => selfAttention(...operands, { recompute: recompute === "selective" });
  const hidden = architecture.forward(config, read.weights, {
    ids: read.ids,
    rotate: (x) => rope(x, cos, sin),
    attend: (_layer, query, key, value) => attend(query, key, value, mask),
    recompute,
  });
  const picked = gather(
    reshape(hidden, [rows * length, config.hidden_size]),
    graph.input("predictors", "int64", [predictors]),
    0,
  );
  const operands = [
    picked,
    weights.tensor(outputWeight(config)),
    graph.input("targets", "int64", [predictors]),
    graph.input("rowWeights", "float32", [predictors]),
  ] as const;
  const { loss, logProbs } = quantization
    ? frozenCrossEntropy(...operands)
    : crossEntropy(...operands, { chunk: LOSS_CHUNK });
  return { weights, loss, logProbs };
}

/** Adds outputs `d_<name>`, the gradient of `loss`, for everything trained. */
export function addGradients(
  graph: Graph,
  loss: Tensor,
  weights: Weights,
  names: readonly string[],
): void {
  const gradients = grad(
    loss,
    names.map((name) => weights.tensor(name)),
  );
  names.forEach((name, i) => graph.output(`d_${name}`, gradients[i]!));
}

/** Outputs `loss` (a sum over trained tokens) and `d_<name>`, its gradient, for everything trained. */
export function lossAndGradients(
  model: ModelShape,
  trained: Trained,
  shape: BatchShape,
  training: Training,
): Graph {
  const graph = new Graph();
  const { weights, loss } = forwardLoss(graph, model, trained, shape, training);
  graph.output("loss", loss);
  addGradients(graph, loss, weights, [...trainedShapes(model, trained).keys()]);
  return graph;
}

/** Outputs `logProbs` `[predictors]`: the log-probability of each target. */
export function scores(model: ModelShape, trained: Trained, shape: BatchShape): Graph {
  const graph = new Graph();
  graph.output(
    "logProbs",
    forwardLoss(graph, model, trained, shape, { recompute: false }).logProbs,
  );
  return graph;
}

/** What Muon trains: the matrices inside the model. Embeddings and output layer are tables of rows, not maps. */
export function muonNames(model: ModelShape, trained: Trained): Set<string> {
  if (trained.kind === "lora")
    return new Set(
      [...loraShapes(trained.modules)]
        .filter(([, { length }]) => length === 2)
        .map(([name]) => name),
    );
  return new Set(
    [...model.architecture.parameters(model.config)]
      .filter(([, { kind }]) => kind === "linear")
      .map(([name]) => name),
  );
}
