/** `config.json` of a Hugging Face model folder, as far as the architectures here need it. */
import { z } from "zod";

/** The file comes from outside, and shapes are made from it before the weights are looked at. */
const size = (most: number): z.ZodNumber => z.number().int().positive().max(most);
const MOST_WIDTH = 1 << 20;

/** Loose: foreign files carry many more keys than we read. */
export const ModelConfig = z
  .looseObject({
    architectures: z.array(z.string()).default([]),
    model_type: z.string(),
    vocab_size: size(1 << 24),
    hidden_size: size(MOST_WIDTH),
    intermediate_size: size(MOST_WIDTH),
    num_hidden_layers: size(1024),
    num_attention_heads: size(4096),
    num_key_value_heads: size(4096).nullish(),
    head_dim: size(4096).nullish(),
    max_position_embeddings: size(1 << 30),
    /** Phi-3 keeps the length of its pretraining here, outside the scaling. */
    original_max_position_embeddings: size(1 << 30).nullish(),
    rms_norm_eps: z.number().positive().default(1e-6),
    rope_theta: z.number().positive().default(10_000),
    rope_scaling: z.looseObject({}).nullish(),
    /** Transformers 5 writes theta and scaling here instead. */
    rope_parameters: z.looseObject({ rope_theta: z.number().positive().optional() }).nullish(),
    partial_rotary_factor: z.number().nullish(),
    sliding_window: z.number().int().positive().nullish(),
    use_sliding_window: z.boolean().nullish(),
    tie_word_embeddings: z.boolean().default(false),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    hidden_act: z.string().default("silu"),
    bos_token_id: z.union([z.number(), z.array(z.number())]).nullish(),
    eos_token_id: z.union([z.number(), z.array(z.number())]).nullish(),
    torch_dtype: z.string().nullish(),
    /** Where the weights are stored quantized: by whom, and of bitsandbytes how. */
    quantization_config: z
      .looseObject({
        quant_method: z.string().nullish(),
        load_in_4bit: z.boolean().nullish(),
        load_in_8bit: z.boolean().nullish(),
        bnb_4bit_quant_type: z.string().nullish(),
        bnb_4bit_use_double_quant: z.boolean().nullish(),
      })
      .nullish(),
  })
  .transform((config) => ({
    ...config,
    rope_theta: config.rope_parameters?.rope_theta ?? config.rope_theta,
  }));
export type ModelConfig = z.infer<typeof ModelConfig>;

/** Width of one attention head. */
export const headDim = (config: ModelConfig): number =>
  config.head_dim ?? config.hidden_size / config.num_attention_heads;

/** Key and value heads; equal to the query heads where the file does not say. */
export const kvHeads = (config: ModelConfig): number =>
  config.num_key_value_heads ?? config.num_attention_heads;
