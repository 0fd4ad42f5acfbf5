/** What a model family is to the rest of the project. One file a family implements it. */
import type { Tensor } from "../engine/index.ts";
import { TwainError } from "../core/errors.ts";
import type { ModelConfig } from "./config.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import type { Weights } from "./weights.ts";

/** One checkpoint tensor: its shape and its role. Linear weights are `[out, in]`, as checkpoints store them. */
export interface Parameter {
  shape: readonly number[];
  kind: "linear" | "bias" | "embedding" | "norm" | "output";
}

/**
 * How a layer attends: given rotated queries `[batch, heads, tokens, headDim]` and keys and values
 * `[batch, kvHeads, tokens, headDim]` of the new tokens, returns `[batch, heads, tokens, headDim]`.
 * Training attends within the sequence, decoding also to a cache: the model does not know which.
 */
export type Attend = (layer: number, query: Tensor, key: Tensor, value: Tensor) => Tensor;

/**
 * What the backward pass computes again instead of keeping it: nothing, each layer whole (`true`), or of each layer
 * what is large and cheap, the probabilities of attention and the gated unit (Korthikanti et al. 2022, "Reducing
 * Activation Recomputation in Large Transformer Models", arXiv 2205.05198).
 */
export type Recompute = boolean | "selective";

export interface ForwardInputs {
  /** `[batch, tokens]` int64. */
  ids: Tensor;
  /** Turns queries or keys `[batch, heads, tokens, headDim]` by their positions; decoding leaves that to `attend`. */
  rotate(x: Tensor): Tensor;
  attend: Attend;
  /** Nothing where it is left out. */
  recompute?: Recompute;
}

export interface Architecture {
  readonly name: string;
  readonly modelTypes: readonly string[];
  /** Every tensor of the checkpoint by its checkpoint name. Throws `model/unsupported` for options we do not run. */
  parameters(config: ModelConfig): Map<string, Parameter>;
  /** Final normalised hidden states `[batch, tokens, hidden]`. */
  forward(config: ModelConfig, weights: Weights, inputs: ForwardInputs): Tensor;
  /** Tokens that the sliding window of the checkpoint spans; absent or null where attention is not limited. */
  window?(config: ModelConfig): number | null | undefined;
}

const architectures: readonly Architecture[] = [llama, mistral, qwen2, qwen3, phi3];

/** The family of a config; throws `model/unsupported`. */
export function architectureOf(config: ModelConfig): Architecture {
  const found = architectures.find((architecture) =>
    architecture.modelTypes.includes(config.model_type),
  );
  if (found) return found;
  throw new TwainError("model/unsupported", `model_type "${config.model_type}" is not supported`, {
    hint: `Supported: ${architectures.flatMap((architecture) => architecture.modelTypes).join(", ")}.`,
  });
}

/** The checkpoint name of the output projection `[vocab, hidden]`: the embedding itself where they are tied. */
export const outputWeight = (config: ModelConfig): string =>
  config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
