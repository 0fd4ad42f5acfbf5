/**
 * The one graph of generation: new tokens of one or several sequences, over a cache of keys and values that
 * the host keeps. How many sequences, how many tokens and how large a cache are sizes
 * of the run, so that one program, and with it one copy of the weights, serves prompts and single tokens.
 */
import {
  Graph,
  cachedAttention,
  concat,
  fusedRope,
  gather,
  pad,
  reshape,
  slice,
  transpose,
  type Tensor,
} from "../engine/index.ts";
import { type ModelConfig, headDim, kvHeads } from "../models/config.ts";
import type { Model } from "../models/folder.ts";
import type { Adapter } from "../models/peft.ts";
import { decodeWeights } from "./decode-weights.ts";

/** Numbers of a head in the cache: headDim, with zeros up to a multiple of 8 that the operator asks for. */
export const cacheWidth = (config: ModelConfig): number => Math.ceil(headDim(config) / 8) * 8;

/** `[batch, heads, tokens, headDim]` as `[batch, tokens, heads · headDim]`. */
function joinHeads(x: Tensor): Tensor {
  const [batch, heads, tokens, size] = x.shape as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, tokens, heads * size]);
}

/** `[batch, tokens, heads · …]` with `width` numbers a head: zeros are added, or what is too much is cut. */
function resizeHeads(x: Tensor, heads: number, width: number): Tensor {
  const [batch, tokens, all] = x.shape as [number, number, number];
  const size = all / heads;
  if (size === width) return x;
  const apart = reshape(x, [batch, tokens, heads, size]);
  const resized = size < width ? pad(apart, 3, 0, width - size) : slice(apart, 3, 0, width);
  return reshape(resized, [batch, tokens, heads * width]);
}

/**
 * Inputs: `ids` and `positions` `[batch, tokens]`; `cos` and `sin` `[positions, headDim / 2]`; `last` `[batch]`
 * and `longest` `[1]` (see `cachedAttention`); `ends` `[batch]`, the flat index of each sequence's last new
 * token; `adapter` `[batch]`, 0 for the base or the adapter's number from 1 (where there are any); and the
 * caches `keys.<layer>` and `values.<layer>` `[batch, kvHeads, capacity, cacheWidth]`.
 * Outputs: `logits` `[batch, vocab]` and the new `entries` `[batch, tokens, 2 · layers · kvHeads · cacheWidth]` of the
 * caches, keys before values in each layer. (The runtime's binding copies every output, bound to an array or not, so
 * whole caches are none.)
 */
export function decodeGraph(
  model: Pick<Model, "architecture" | "config" | "tensors">,
  adapters: readonly Adapter[],
  positionCount: number,
): Graph {
  const { architecture, config } = model;
  const graph = new Graph();
  const [batch, tokens, capacity] = [
    graph.freeSize("batch"),
    graph.freeSize("tokens"),
    graph.freeSize("capacity"),
  ];
  const ids = graph.input("ids", "int64", [batch, tokens]);
  const positions = graph.input("positions", "int64", [batch, tokens]);
  const last = graph.input("last", "int32", [batch]);
  const longest = graph.input("longest", "int32", [1]);
  const size = headDim(config);
  const table = {
    cos: graph.input("cos", "float32", [positionCount, size / 2]),
    sin: graph.input("sin", "float32", [positionCount, size / 2]),
  };
  const weights = decodeWeights(graph, model, adapters, batch);
  const width = cacheWidth(config);
  const cache = [batch, kvHeads(config), capacity, width];
  const entries: Tensor[] = [];
  const states = architecture.forward(config, weights, {
    ids,
    rotate: (x) => x,
    attend(layer, query, key, value) {
      const [, heads] = query.shape as [number, number];
      const turned = (x: Tensor): Tensor =>
        resizeHeads(fusedRope(joinHeads(x), x.shape[1]!, positions, table), x.shape[1]!, width);
      const newKeys = turned(key);
      const newValues = resizeHeads(joinHeads(value), value.shape[1]!, width);
      entries.push(newKeys, newValues);
      const attended = cachedAttention(
        1 / Math.sqrt(size),
        turned(query),
        newKeys,
        newValues,
        graph.input(`keys.${layer}`, "float32", cache),
        graph.input(`values.${layer}`, "float32", cache),
        last,
        longest,
      );
      const own = resizeHeads(attended, heads, size);
      return transpose(reshape(own, [batch, tokens, heads, size]), [0, 2, 1, 3]);
    },
  });
  const flat = reshape(states, [batch * tokens, config.hidden_size]);
  const ends = gather(flat, graph.input("ends", "int64", [batch]), 0);
  graph.output("logits", weights.logits(ends));
  graph.output("entries", concat(entries, 2));
  return graph;
}
