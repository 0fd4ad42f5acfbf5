/** How fast training is next to what this machine can do: both are measured in one process. */
import { Graph, type Program, type Value, compile, matmul, value } from "../engine/index.ts";
import { type Architecture, type Recompute, architectureOf } from "../models/architecture.ts";
import { type ModelConfig, headDim, kvHeads } from "../models/config.ts";
import { initModel } from "../models/init.ts";
import { initLora, loraModules } from "../models/lora.ts";
import type { PackedTensor } from "../models/quantize/format.ts";
import { type Quantization, formatFor, packTensor } from "../models/quantize/index.ts";
import { type QuantizedModel, quantizedModel } from "../models/quantize/quantized-model.ts";
import type { Figure } from "../core/figure.ts";
import { createRandom } from "../core/random.ts";
import type { Example } from "../tokenizer/example.ts";
import { type Trained } from "./graphs.ts";
import { packOnce } from "./packing.ts";
import { Trainer } from "./trainer.ts";

export interface BenchShape {
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  kvHeads: number;
  vocab: number;
  rows: number;
  length: number;
  rank: number;
  recompute: Recompute;
  device: "cpu" | "webgpu";
  steps: number;
  /** Whether the embedding is the output layer too. */
  tied: boolean;
  /** How the frozen base is kept, as in a recipe. */
  quantization: Quantization | "none";
}

/** SmolLM2-135M's widths, with few layers so that a run takes a minute: rates do not depend on depth. */
export const defaultBenchShape: BenchShape = {
  hidden: 576,
  intermediate: 1536,
  layers: 6,
  heads: 9,
  kvHeads: 3,
  vocab: 49_152,
  rows: 2,
  length: 512,
  rank: 16,
  recompute: false,
  device: "cpu",
  steps: 5,
  tied: true,
  quantization: "none",
};

/** Shapes by name, for `--shape`. */
export const benchShapes: Readonly<Record<string, BenchShape>> = {
  "smollm2-135m": defaultBenchShape,
  /** Whole, for its memory is the question. */
  "llama-3.2-1b": {
    ...defaultBenchShape,
    hidden: 2048,
    intermediate: 8192,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    vocab: 128_256,
    rows: 1,
    length: 1024,
    recompute: true,
    steps: 2,
  },
  "llama-3.1-8b": {
    ...defaultBenchShape,
    hidden: 4096,
    intermediate: 14_336,
    layers: 32,
    heads: 32,
    kvHeads: 8,
    vocab: 128_256,
    rows: 1,
    length: 512,
    recompute: true,
    steps: 1,
    tied: false,
  },
};

/** Random weights packed one by one: a large model never exists as float32. */
function packedModel(
  architecture: Architecture,
  config: ModelConfig,
  quantization: Quantization,
): QuantizedModel {
  const random = createRandom(1);
  const packed = new Map<string, PackedTensor>();
  // The same numbers again and again, for drawing a billion takes longer than the steps.
  const some = Float32Array.from({ length: 1 << 16 }, () => random.normal());
  for (const [name, parameter] of architecture.parameters(config)) {
    const { shape, kind } = parameter;
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const deviation = kind === "embedding" ? 0.05 : 1 / Math.sqrt(shape.at(-1)!);
    for (let i = 0; i < data.length; i++)
      data[i] = kind === "norm" ? 1 : some[i % some.length]! * deviation;
    packed.set(name, packTensor(name, data, shape, formatFor(parameter, quantization)));
  }
  return quantizedModel({ architecture, config, hash: "bench", quantization, packed });
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Multiply-adds count as two. `[size, size] · [size, size]`, the best of several runs. */
async function densePeak(
  size: number,
  program: Program,
  a: Value,
  b: Value,
  runs: number,
): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await program.run({ a, b });
    best = Math.min(best, performance.now() - started);
  }
  return (2 * size ** 3) / (best / 1000);
}

/**
 * Floating-point operations of one LoRA training token: forward and the gradient of the activations
 * through every frozen matrix (2 + 2 per weight), 6 per LoRA weight, the output layer on every row,
 * and attention's two products forward and four backward over `length` keys. Recomputed work is not counted.
 */
export function trainingFlops(config: ModelConfig, trained: Trained, length: number): number {
  let perToken = 0;
  for (const { shape, kind } of architectureOf(config).parameters(config).values()) {
    if (kind === "linear") perToken += 4 * shape[0]! * shape[1]!;
    else if (kind === "output" || (kind === "embedding" && config.tie_word_embeddings))
      perToken += 4 * shape[0]! * shape[1]!;
  }
  if (trained.kind === "lora")
    for (const { inFeatures, outFeatures, rank } of trained.modules)
      perToken += 6 * rank * (inFeatures + outFeatures);
  perToken +=
    config.num_hidden_layers * 6 * 2 * length * config.num_attention_heads * headDim(config);
  return perToken;
}

/** Trains real steps on random tokens and compares their rate with one dense product of the same process. */
export async function benchTrain(
  shape: BenchShape,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Figure[]> {
  const config: ModelConfig = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: shape.vocab,
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    max_position_embeddings: shape.length,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: shape.tied,
    attention_bias: false,
    mlp_bias: false,
    hidden_act: "silu",
  };
  const random = createRandom(1);
  const architecture = architectureOf(config);
  const model =
    shape.quantization === "none"
      ? { architecture, config, tensors: initModel(config, random), hash: "bench" }
      : packedModel(architecture, config, shape.quantization);
  const modules = loraModules(architecture.parameters(config), {
    rank: shape.rank,
    alpha: 2 * shape.rank,
  });
  const trained: Trained = { kind: "lora", modules };
  const trainer = new Trainer(model, trained, initLora(modules, random, model.tensors), {
    sequenceLength: shape.length,
    microBatch: shape.rows,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    weightDecay: 0.01,
    gradientClip: 1,
    recompute: shape.recompute,
    device: shape.device,
  });
  const example = (id: number): Example => ({
    id: `random-${id}`,
    ids: Int32Array.from({ length: shape.length }, () => random.integer(0, shape.vocab - 1)),
    trained: Uint8Array.from({ length: shape.length }, (_, i) => (i > 0 ? 1 : 0)),
  });
  const batch = [
    ...packOnce(
      Array.from({ length: shape.rows }, (_, i) => example(i)),
      shape.rows,
      shape.length,
    ),
  ];

  // Large enough for the product's full rate, small enough not to count in the peak memory.
  const size = 1024;
  const graph = new Graph();
  graph.output(
    "c",
    matmul(graph.input("a", "float32", [size, size]), graph.input("b", "float32", [size, size])),
  );
  const dense = await compile(graph);
  const matrix = value(
    "float32",
    [size, size],
    Float32Array.from({ length: size * size }, () => random.next()),
  );
  await dense.run({ a: matrix, b: matrix });

  report(
    `training ${shape.rows} x ${shape.length} tokens, hidden ${config.hidden_size}, ${config.num_hidden_layers} layers, ${kvHeads(config)} key-value heads …`,
  );
  await trainer.train(batch, 1e-4); // compiles
  const seconds: number[] = [];
  const updates: number[] = [];
  const peaks: number[] = [];
  for (let step = 0; step < shape.steps; step++) {
    signal.throwIfAborted();
    // Peak and step take turns, so that a machine that slows down slows both.
    peaks.push(await densePeak(size, dense, matrix, matrix, 8));
    const started = performance.now();
    const { updateSeconds } = await trainer.train(batch, 1e-4);
    updates.push(updateSeconds);
    seconds.push((performance.now() - started) / 1000);
  }
  await dense.release();
  await trainer.release();
  const tokens = shape.rows * shape.length;
  const flops = trainingFlops(config, trained, shape.length) * tokens;
  const ratios = seconds.map((time, i) => flops / time / peaks[i]!);
  return [
    { name: "dense product peak", value: Math.max(...peaks) / 1e9, unit: "GFLOP/s" },
    {
      name: "training",
      value: flops / median(seconds) / 1e9,
      unit: "GFLOP/s",
      reference: median(peaks) / 1e9,
      ratio: median(ratios),
    },
    { name: "training tokens", value: tokens / median(seconds), unit: "tokens/s" },
    {
      name: "optimizer",
      value: (100 * median(updates)) / median(seconds),
      unit: "% of a step's time",
    },
    { name: "peak memory", value: (process.resourceUsage().maxRSS * 1024) / 1e9, unit: "GB" },
  ];
}
