/**
 * The decoder that Llama and its relatives share: in each layer x += o(attention(norm(x))), x += mlp(norm(x)),
 * rotary positions, grouped-query attention, a gated unit, RMS norms. A family says which modules a
 * layer has and how queries, keys, values and the unit come from them.
 */
import { TwainError } from "../core/errors.ts";
import {
  type Tensor,
  add,
  checkpoint,
  gather,
  reshape,
  swiglu,
  transpose,
} from "../engine/index.ts";
import type { Architecture, ForwardInputs, Parameter, Recompute } from "./architecture.ts";
import { type ModelConfig, headDim, kvHeads } from "./config.ts";
import { rotations } from "./rope-parameters.ts";
import type { Weights } from "./weights.ts";

/** A linear module `[out, in]`, by its name within the layer. */
export interface Linear {
  name: string;
  out: number;
  in: number;
  bias?: boolean;
}

/** The weights of one layer, by names within it. */
export interface Layer {
  /** `x · Wᵀ`, and the bias where the module has one. */
  linear(name: string, x: Tensor): Tensor;
  /** RMS norm over the last axis. */
  norm(name: string, x: Tensor): Tensor;
  /** SwiGLU of gate and up. */
  unit(gate: Tensor, up: Tensor): Tensor;
}

export interface Attention {
  /** All modules, `self_attn.o_proj` among them. */
  linears(config: ModelConfig): Linear[];
  /** Norms beyond the layer's two, and their width. */
  norms?(config: ModelConfig): [name: string, width: number][];
  /** From x `[batch, tokens, hidden]`: query `[batch, heads, tokens, headDim]`, key and value `[batch, kvHeads, …]`, not yet rotated. */
  project(
    config: ModelConfig,
    layer: Layer,
    x: Tensor,
  ): { query: Tensor; key: Tensor; value: Tensor };
}

export interface Mlp {
  linears(config: ModelConfig): Linear[];
  apply(config: ModelConfig, layer: Layer, x: Tensor): Tensor;
}

export interface DecoderFamily extends Pick<Architecture, "name" | "modelTypes" | "window"> {
  attention: Attention;
  mlp: Mlp;
}

/** `[batch, tokens, count · headDim]` as `[batch, count, tokens, headDim]`. */
export function splitHeads(projected: Tensor, count: number): Tensor {
  const [batch, tokens, width] = projected.shape as [number, number, number];
  return transpose(reshape(projected, [batch, tokens, count, width / count]), [0, 2, 1, 3]);
}

/** A matrix each for queries, keys, values and output; `biased` names those with a bias. */
export function separateAttention(
  biased: (config: ModelConfig) => readonly ("q_proj" | "k_proj" | "v_proj" | "o_proj")[],
): Attention {
  return {
    linears(config) {
      const queries = config.num_attention_heads * headDim(config);
      const keys = kvHeads(config) * headDim(config);
      const names = biased(config);
      const module = (name: (typeof names)[number], out: number, into: number): Linear => ({
        name: `self_attn.${name}`,
        out,
        in: into,
        bias: names.includes(name),
      });
      return [
        module("q_proj", queries, config.hidden_size),
        module("k_proj", keys, config.hidden_size),
        module("v_proj", keys, config.hidden_size),
        module("o_proj", config.hidden_size, queries),
      ];
    },
    project: (config, layer, x) => ({
      query: splitHeads(layer.linear("self_attn.q_proj", x), config.num_attention_heads),
      key: splitHeads(layer.linear("self_attn.k_proj", x), kvHeads(config)),
      value: splitHeads(layer.linear("self_attn.v_proj", x), kvHeads(config)),
    }),
  };
}

/** `down(silu(gate(x)) · up(x))` (SwiGLU, Shazeer 2020, arXiv 2002.05202). */
export const separateGate: Mlp = {
  linears: ({ hidden_size: hidden, intermediate_size: wide, mlp_bias: bias }) => [
    { name: "mlp.gate_proj", out: wide, in: hidden, bias },
    { name: "mlp.up_proj", out: wide, in: hidden, bias },
    { name: "mlp.down_proj", out: hidden, in: wide, bias },
  ],
  apply: (_config, layer, x) =>
    layer.linear(
      "mlp.down_proj",
      layer.unit(layer.linear("mlp.gate_proj", x), layer.linear("mlp.up_proj", x)),
    ),
};

function refuseUnsupported(family: string, config: ModelConfig): void {
  const refuse = (what: string): never => {
    throw new TwainError("model/unsupported", `${family}: ${what} is not supported`);
  };
  if (config.hidden_act !== "silu") refuse(`hidden_act "${config.hidden_act}"`);
  if (config.num_attention_heads % kvHeads(config) !== 0)
    refuse(`${config.num_attention_heads} heads over ${kvHeads(config)} key-value heads`);
  if (headDim(config) % 2 !== 0) refuse(`a head of width ${headDim(config)}`);
  rotations(config);
}

/** The architecture of a family. */
export function preNormDecoder({ attention, mlp, ...family }: DecoderFamily): Architecture {
  function parameters(config: ModelConfig): Map<string, Parameter> {
    refuseUnsupported(family.name, config);
    const { hidden_size: hidden, vocab_size: vocab } = config;
    const all = new Map<string, Parameter>();
    const norm = (name: string, width: number): void => {
      all.set(`${name}.weight`, { shape: [width], kind: "norm" });
    };
    all.set("model.embed_tokens.weight", { shape: [vocab, hidden], kind: "embedding" });
    for (let index = 0; index < config.num_hidden_layers; index++) {
      const at = `model.layers.${index}`;
      const linears = (modules: readonly Linear[]): void => {
        for (const { name, out, in: into, bias } of modules) {
          all.set(`${at}.${name}.weight`, { shape: [out, into], kind: "linear" });
          if (bias) all.set(`${at}.${name}.bias`, { shape: [out], kind: "bias" });
        }
      };
      norm(`${at}.input_layernorm`, hidden);
      linears(attention.linears(config));
      for (const [name, width] of attention.norms?.(config) ?? []) norm(`${at}.${name}`, width);
      norm(`${at}.post_attention_layernorm`, hidden);
      linears(mlp.linears(config));
    }
    norm("model.norm", hidden);
    if (!config.tie_word_embeddings)
      all.set("lm_head.weight", { shape: [vocab, hidden], kind: "output" });
    return all;
  }

  function layerOf(
    config: ModelConfig,
    weights: Weights,
    index: number,
    recompute: Recompute,
  ): Layer {
    const at = `model.layers.${index}`;
    const biased = new Set(
      [...attention.linears(config), ...mlp.linears(config)]
        .filter(({ bias }) => bias)
        .map(({ name }) => name),
    );
    return {
      linear(name, x) {
        const y = weights.linear(`${at}.${name}`, x);
        return biased.has(name) ? add(y, weights.tensor(`${at}.${name}.bias`)) : y;
      },
      norm: (name, x) => weights.norm(`${at}.${name}`, x, config.rms_norm_eps),
      unit: (gate, up) =>
        recompute === "selective"
          ? checkpoint([gate, up], ([again, factor]) => swiglu(again!, factor!))
          : swiglu(gate, up),
    };
  }

  function runLayer(
    config: ModelConfig,
    weights: Weights,
    inputs: ForwardInputs,
    index: number,
    x: Tensor,
  ): Tensor {
    const layer = layerOf(config, weights, index, inputs.recompute ?? false);
    const { query, key, value } = attention.project(
      config,
      layer,
      layer.norm("input_layernorm", x),
    );
    const heads = inputs.attend(index, inputs.rotate(query), inputs.rotate(key), value);
    const [batch, , tokens] = heads.shape as [number, number, number];
    const joined = reshape(transpose(heads, [0, 2, 1, 3]), [batch, tokens, -1]);
    const attended = add(x, layer.linear("self_attn.o_proj", joined));
    const normed = layer.norm("post_attention_layernorm", attended);
    return add(attended, mlp.apply(config, layer, normed));
  }

  function forward(config: ModelConfig, weights: Weights, inputs: ForwardInputs): Tensor {
    let x = gather(weights.tensor("model.embed_tokens.weight"), inputs.ids, 0);
    for (let index = 0; index < config.num_hidden_layers; index++) {
      x =
        inputs.recompute === true
          ? checkpoint([x, ...weights.trainable(`model.layers.${index}.`)], ([again]) =>
              runLayer(config, weights, inputs, index, again!),
            )
          : runLayer(config, weights, inputs, index, x);
    }
    return weights.norm("model.norm", x, config.rms_norm_eps);
  }

  return { ...family, parameters, forward };
}
