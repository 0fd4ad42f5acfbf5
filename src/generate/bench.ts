/** How fast decoding is next to how fast this machine reads memory: both are measured in one process. */
import type { Figure } from "../core/figure.ts";
import { type Random, createRandom } from "../core/random.ts";
import { Graph, type Program, compile, matmul, reduceSum, sizeOf, value } from "../engine/index.ts";
import { architectureOf } from "../models/architecture.ts";
import type { ModelConfig } from "../models/config.ts";
import type { Model } from "../models/folder.ts";
import type { StoredTensor } from "../models/safetensors.ts";
import { Decoder } from "./decoder.ts";

export interface DecodeShape {
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  kvHeads: number;
  vocab: number;
  /** Streams that are decoded together. */
  batch: number;
  rounds: number;
}

/** Tokens that each stream holds when it is timed: little beside the weights. */
const CONTEXT = 64;
/** More than the caches of large servers, some of which hold 256 MB. */
const READ_BYTES = 1 << 29;

/**
 * Numbers of which no two stretches are alike: the runtime keeps one packed copy of equal matrices, so that
 * a model of equal layers would be read from the processor's caches.
 */
function distinctNumbers(count: number, scale: number, random: Random): Float32Array {
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = scale * (random.next() - 0.5);
  return numbers;
}

function randomModel(shape: DecodeShape): { model: Model; bytes: number } {
  const config: ModelConfig = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: shape.vocab,
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    hidden_act: "silu",
  };
  const architecture = architectureOf(config);
  const random = createRandom(1);
  const tensors = new Map<string, StoredTensor>();
  let bytes = 0;
  for (const [name, { shape: sizes, kind }] of architecture.parameters(config)) {
    const count = sizeOf(sizes);
    const data =
      kind === "norm" ? new Float32Array(count).fill(1) : distinctNumbers(count, 0.1, random);
    tensors.set(name, { shape: [...sizes], data });
    bytes += data.byteLength;
  }
  return { model: { architecture, config, tensors, hash: "bench" }, bytes };
}

/** Seconds of the quickest of several runs. */
async function quickest(times: number, run: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await run();
    best = Math.min(best, (performance.now() - started) / 1000);
  }
  return best;
}

/** A sum over a large array, and a vector times it as a packed matrix: whichever reads faster is the bandwidth. */
async function openReaders(): Promise<{ read(): Promise<number>; release(): Promise<void> }> {
  const wide = 1 << 13;
  const numbers = distinctNumbers(READ_BYTES / 4, 1, createRandom(2));
  const x = value("float32", [numbers.length / wide, wide], numbers);
  const sum = new Graph();
  sum.output("y", reduceSum(sum.input("x", "float32", x.shape), [1]));
  const product = new Graph();
  const matrix = product.initializer("matrix", "float32", x.shape, numbers);
  product.output("y", matmul(product.input("v", "float32", [1, wide]), matrix, { transB: true }));
  const programs: Program[] = [await compile(sum), await compile(product)];
  const v = value("float32", [1, wide], new Float32Array(wide).fill(1));
  return {
    async read() {
      const summed = await quickest(3, () => programs[0]!.run({ x }));
      const multiplied = await quickest(3, () => programs[1]!.run({ v }));
      return READ_BYTES / Math.min(summed, multiplied);
    },
    async release() {
      for (const program of programs) await program.release();
    },
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/**
 * Tokens a second of one stream, and of several at once. At most as many are possible as often as the
 * weights, output layer included, can be read in a second; with tied embeddings that is every weight once.
 */
export async function benchDecode(
  shape: DecodeShape,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Figure[]> {
  const { batch, rounds } = shape;
  const readers = await openReaders();
  const { model, bytes } = randomModel(shape);
  const decoder = new Decoder(model, { slots: batch, contextTokens: CONTEXT + 6 * rounds + 2 });
  report(
    `decoding at hidden ${shape.hidden}, ${shape.layers} layers: ${(bytes / 1e6).toFixed(0)} MB of weights a token …`,
  );
  const prompt = Array.from({ length: CONTEXT }, (_, i) => i % shape.vocab);
  for (let slot = 0; slot < batch; slot++) await decoder.prefill(prompt, slot);
  const all = prompt.slice(0, 1);
  while (all.length < batch) all.push(all[0]!);
  const seconds: { bandwidth: number; one: number; many: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    signal.throwIfAborted();
    // All take turns, so that a machine that slows down slows all.
    const before = await readers.read();
    const one = await quickest(4, () => decoder.step(all.slice(0, 1)));
    const many = await quickest(2, () => decoder.step(all));
    seconds.push({ bandwidth: Math.max(before, await readers.read()), one, many });
  }
  await decoder.release();
  await readers.release();
  const most = Math.max(...seconds.map(({ bandwidth }) => bandwidth));
  const one = 1 / Math.min(...seconds.map((round) => round.one));
  const many = batch / Math.min(...seconds.map((round) => round.many));
  return [
    { name: "memory bandwidth", value: most / 1e9, unit: "GB/s" },
    {
      name: "one stream",
      value: one,
      unit: "tokens/s",
      reference: most / bytes,
      ratio: median(seconds.map((round) => bytes / round.one / round.bandwidth)),
      ratioOf: "of what the bandwidth allows",
    },
    {
      name: `${batch} streams`,
      value: many,
      unit: "tokens/s",
      reference: one,
      ratio: median(seconds.map((round) => (batch * round.one) / round.many)),
      ratioOf: "times one stream",
    },
  ];
}
