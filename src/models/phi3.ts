/** Phi-3-mini (arXiv 2404.14219): one matrix for queries, keys and values, one for gate and up. */
import { split } from "../engine/index.ts";
import { headDim, kvHeads } from "./config.ts";
import { preNormDecoder, splitHeads } from "./pre-norm-decoder.ts";

export const phi3 = preNormDecoder({
  name: "phi3",
  modelTypes: ["phi3"],
  attention: {
    linears(config) {
      const queries = config.num_attention_heads * headDim(config);
      const keys = kvHeads(config) * headDim(config);
      return [
        { name: "self_attn.qkv_proj", out: queries + 2 * keys, in: config.hidden_size },
        { name: "self_attn.o_proj", out: config.hidden_size, in: queries },
      ];
    },
    project(config, layer, x) {
      const heads = config.num_attention_heads;
      const keys = kvHeads(config);
      const widths = [heads, keys, keys].map((count) => count * headDim(config));
      const [query, key, value] = split(layer.linear("self_attn.qkv_proj", x), widths, -1);
      return {
        query: splitHeads(query!, heads),
        key: splitHeads(key!, keys),
        value: splitHeads(value!, keys),
      };
    },
  },
  mlp: {
    linears: ({ hidden_size: hidden, intermediate_size: wide }) => [
      { name: "mlp.gate_up_proj", out: 2 * wide, in: hidden },
      { name: "mlp.down_proj", out: hidden, in: wide },
    ],
    apply({ intermediate_size: wide }, layer, x) {
      const [gate, up] = split(layer.linear("mlp.gate_up_proj", x), [wide, wide], -1);
      return layer.linear("mlp.down_proj", layer.unit(gate!, up!));
    },
  },
  window: ({ sliding_window: window }) => window,
});
