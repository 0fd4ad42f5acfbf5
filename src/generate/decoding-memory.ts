/** How much memory it takes to decode with a model, told from its shapes. */
import { headDim, kvHeads, type ModelConfig } from "../models/config.ts";
import type { Model } from "../models/folder.ts";
import { type Quantization, keptBytes } from "../models/quantize/index.ts";

export interface Decoding {
  readonly model: Pick<Model, "architecture" | "config">;
  /** How the base is kept once it is read; absent for float32. */
  readonly quantization?: Quantization | undefined;
  /** Numbers of the adapters beside it. */
  readonly adapted: number;
  /** Sequences that are decoded together, and the tokens of each. */
  readonly slots: number;
  readonly tokens: number;
}

/** Bytes, by what they are for. */
export interface DecodingMemory {
  /** The base as it was read, and float32 as the runtime is given it and as it packs it. */
  readonly weights: number;
  /** Keys and values of all sequences. */
  readonly caches: number;
  /** What one run computes. */
  readonly activations: number;
}

/** The cache has room for a multiple of this many tokens a sequence: what is not filled is read all the same. */
export const CAPACITY_STEP = 64;

/** Longer prompts are read in pieces of this many tokens: scores are `[heads, tokens, tokens before]`. */
export const PROMPT_PIECE = 512;

/** Bytes of `tokens` tokens in the cache of one sequence. */
export const cacheBytes = (config: ModelConfig, tokens: number): number =>
  8 * config.num_hidden_layers * kvHeads(config) * headDim(config) * tokens;

/** Of the moments with most memory: the program is being made of all weights, or all sequences are at their longest. */
export function decodingMemory({
  model: { architecture, config },
  quantization,
  adapted,
  slots,
  tokens,
}: Decoding): DecodingMemory[] {
  const parameters = architecture.parameters(config);
  const read = keptBytes(parameters, quantization);
  const floats = keptBytes(parameters, undefined) + 4 * adapted;
  // A tied embedding is packed as output layer, and kept to look rows up.
  const tables = config.tie_word_embeddings ? 4 * config.vocab_size * config.hidden_size : 0;
  const own = floats + tables;
  const given = quantization ? floats : 4 * adapted;

  const capacity = Math.ceil(tokens / CAPACITY_STEP) * CAPACITY_STEP;
  const piece = Math.min(tokens, PROMPT_PIECE);
  const seen = tokens > piece ? capacity + piece : piece;
  const heads = config.num_attention_heads;
  // Scores before and after the mask and as shares; the gated unit; the entries as they are handed over.
  const prompt =
    piece * (3 * heads * seen + 3 * config.intermediate_size + 8 * config.hidden_size) +
    cacheBytes(config, piece) / 2;
  const step = slots * (3 * heads * (capacity + 1) + 3 * config.vocab_size);
  return [
    { weights: read + given + own, caches: 0, activations: 0 },
    {
      weights: read + own,
      caches: slots * cacheBytes(config, capacity),
      activations: 4 * (prompt + step),
    },
  ];
}
