/** `config.json` of a Hugging Face model folder, as far as the architectures here need it. */
import { z } from "zod";

const positive = z.number().int().positive();

/** Loose: foreign files carry many more keys than we read. */
export const ModelConfig = z.looseObject({
  architectures: z.array(z.string()).default([]),
  model_type: z.string(),
  vocab_size: positive,
  hidden_size: positive,
  intermediate_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  num_key_value_heads: positive.optional(),
  head_dim: positive.nullish(),
  max_position_embeddings: positive,
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: z.looseObject({}).nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  hidden_act: z.string().default("silu"),
  bos_token_id: z.union([z.number(), z.array(z.number())]).nullish(),
  eos_token_id: z.union([z.number(), z.array(z.number())]).nullish(),
  torch_dtype: z.string().optional(),
});
export type ModelConfig = z.infer<typeof ModelConfig>;

/** Width of one attention head. */
export const headDim = (config: ModelConfig): number =>
  config.head_dim ?? config.hidden_size / config.num_attention_heads;

/** Key and value heads; equal to the query heads where the file does not say. */
export const kvHeads = (config: ModelConfig): number =>
  config.num_key_value_heads ?? config.num_attention_heads;
