/** Llama (and SmolLM2): pre-norm decoder, rotary positions, grouped-query attention, SwiGLU. */
import { TwainError } from "../core/errors.ts";
import {
  type Tensor,
  add,
  checkpoint,
  gather,
  reshape,
  rmsNorm,
  rope,
  swiglu,
  transpose,
} from "../engine/index.ts";
import type { Architecture, ForwardInputs, Parameter } from "./architecture.ts";
import { type ModelConfig, headDim, kvHeads } from "./config.ts";
import type { Weights } from "./weights.ts";

function refuseUnsupported(config: ModelConfig): void {
  const refuse = (what: string): never => {
    throw new TwainError("model/unsupported", `llama: ${what} is not supported`);
  };
  if (config.rope_scaling) refuse(`rope_scaling ${JSON.stringify(config.rope_scaling)}`);
  if (config.attention_bias || config.mlp_bias) refuse("a bias in linear layers");
  if (config.hidden_act !== "silu") refuse(`hidden_act "${config.hidden_act}"`);
  if (config.num_attention_heads % kvHeads(config) !== 0)
    refuse(`${config.num_attention_heads} heads over ${kvHeads(config)} key-value heads`);
}

function parameters(config: ModelConfig): Map<string, Parameter> {
  refuseUnsupported(config);
  const { hidden_size: hidden, intermediate_size: intermediate, vocab_size: vocab } = config;
  const queries = config.num_attention_heads * headDim(config);
  const keys = kvHeads(config) * headDim(config);
  const all = new Map<string, Parameter>();
  all.set("model.embed_tokens.weight", { shape: [vocab, hidden], kind: "embedding" });
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const linear = (name: string, out: number, into: number): void => {
      all.set(`${at}.${name}.weight`, { shape: [out, into], kind: "linear" });
    };
    all.set(`${at}.input_layernorm.weight`, { shape: [hidden], kind: "norm" });
    linear("self_attn.q_proj", queries, hidden);
    linear("self_attn.k_proj", keys, hidden);
    linear("self_attn.v_proj", keys, hidden);
    linear("self_attn.o_proj", hidden, queries);
    all.set(`${at}.post_attention_layernorm.weight`, { shape: [hidden], kind: "norm" });
    linear("mlp.gate_proj", intermediate, hidden);
    linear("mlp.up_proj", intermediate, hidden);
    linear("mlp.down_proj", hidden, intermediate);
  }
  all.set("model.norm.weight", { shape: [hidden], kind: "norm" });
  if (!config.tie_word_embeddings)
    all.set("lm_head.weight", { shape: [vocab, hidden], kind: "output" });
  return all;
}

function layer(
  config: ModelConfig,
  weights: Weights,
  inputs: ForwardInputs,
  index: number,
  x: Tensor,
): Tensor {
  const at = `model.layers.${index}`;
  const [batch, tokens] = [x.shape[0]!, x.shape[1]!];
  const size = headDim(config);
  const heads = (projected: Tensor, count: number): Tensor =>
    transpose(reshape(projected, [batch, tokens, count, size]), [0, 2, 1, 3]);
  const { cos, sin } = inputs;

  const a = rmsNorm(x, weights.tensor(`${at}.input_layernorm.weight`), config.rms_norm_eps);
  const query = rope(
    heads(weights.linear(`${at}.self_attn.q_proj`, a), config.num_attention_heads),
    cos,
    sin,
  );
  const key = rope(heads(weights.linear(`${at}.self_attn.k_proj`, a), kvHeads(config)), cos, sin);
  const value = heads(weights.linear(`${at}.self_attn.v_proj`, a), kvHeads(config));
  const attended = transpose(inputs.attend(index, query, key, value), [0, 2, 1, 3]);
  const joined = reshape(attended, [batch, tokens, config.num_attention_heads * size]);
  const afterAttention = add(x, weights.linear(`${at}.self_attn.o_proj`, joined));

  const b = rmsNorm(
    afterAttention,
    weights.tensor(`${at}.post_attention_layernorm.weight`),
    config.rms_norm_eps,
  );
  const gated = swiglu(
    weights.linear(`${at}.mlp.gate_proj`, b),
    weights.linear(`${at}.mlp.up_proj`, b),
  );
  return add(afterAttention, weights.linear(`${at}.mlp.down_proj`, gated));
}

function forward(config: ModelConfig, weights: Weights, inputs: ForwardInputs): Tensor {
  let x = gather(weights.tensor("model.embed_tokens.weight"), inputs.ids, 0);
  for (let index = 0; index < config.num_hidden_layers; index++) {
    x = inputs.recompute
      ? checkpoint([x, ...weights.trainable(`model.layers.${index}.`)], ([again]) =>
          layer(config, weights, inputs, index, again!),
        )
      : layer(config, weights, inputs, index, x);
  }
  return rmsNorm(x, weights.tensor("model.norm.weight"), config.rms_norm_eps);
}

export const llama: Architecture = { name: "llama", modelTypes: ["llama"], parameters, forward };
