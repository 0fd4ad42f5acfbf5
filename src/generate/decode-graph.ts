/**
 * The one graph of generation: new tokens of one or several sequences, over a cache of keys and values that
 * the host keeps. How many sequences, how many tokens and how large a cache are sizes
 * of the run, so that one program, and with it one copy of the weights, serves prompts and single tokens.
 */
import {
  Graph,
  add,
  concat,
  fusedRope,
  gather,
  matmul,
  part,
  reshape,
  softmax,
  transpose,
  type Tensor,
} from "../engine/index.ts";
import { headDim, kvHeads } from "../models/config.ts";
import type { Model } from "../models/folder.ts";
import type { Adapter } from "../models/peft.ts";
import { decodeWeights } from "./decode-weights.ts";

/** Added to a score that must not count. Finite, so that no sum of two of them is not a number. */
export const CLOSED = -1e30;

/** Further than any axis is long. */
const TO_THE_END = 2 ** 31 - 1;

/** `[batch, heads, tokens, headDim]` as `[batch, tokens, heads · headDim]`. */
function joinHeads(x: Tensor): Tensor {
  const [batch, heads, tokens, size] = x.shape as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, tokens, heads * size]);
}

/** `[batch, tokens, heads · headDim]` as `[batch, groups, heads / groups, tokens, headDim]`. */
function splitGroups(x: Tensor, groups: number, size: number): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  return transpose(
    reshape(x, [batch, tokens, groups, width / groups / size, size]),
    [0, 2, 3, 1, 4],
  );
}

/**
 * Inputs: `ids` and `positions` `[batch, tokens]`; `cos` and `sin` `[positions, headDim / 2]`, and `queryCos` and
 * `querySin`, the same over √headDim; `ends` `[batch]`, the flat index of each sequence's last new token; `adapter`
 * `[batch]`, 0 for the base or the adapter's number from 1 (where there are any); the caches `keys.<layer>`
 * and `values.<layer>` `[batch, kvHeads, 1, capacity, headDim]`; `capacity` `[1]`; and what is added to scores,
 * 0 or `CLOSED`: `open` `[batch, 1, 1, tokens, capacity]` for what is in the cache, `causal` `[batch, 1, 1, tokens,
 * tokens]` for the new tokens among each other.
 * Outputs: `logits` `[batch, vocab]` and the new `entries` `[batch, 2 · layers · kvHeads, 1, tokens, headDim]` of the
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
  const mask = concat(
    [
      graph.input("open", "float32", [batch, 1, 1, tokens, capacity]),
      graph.input("causal", "float32", [batch, 1, 1, tokens, tokens]),
    ],
    -1,
  );
  const [begin, border, end] = [
    graph.constant([0], "int64"),
    graph.input("capacity", "int64", [1]),
    graph.constant([TO_THE_END], "int64"),
  ];
  const size = headDim(config);
  const angles = (name: string): Tensor => graph.input(name, "float32", [positionCount, size / 2]);
  const table = { cos: angles("cos"), sin: angles("sin") };
  const queryTable = { cos: angles("queryCos"), sin: angles("querySin") };
  const weights = decodeWeights(graph, model, adapters, batch);
  const groups = kvHeads(config);
  const entries: Tensor[] = [];
  const states = architecture.forward(config, weights, {
    ids,
    rotate: (x) => x,
    attend(layer, query, key, value) {
      const [, heads] = query.shape as [number, number];
      const turned = (x: Tensor, by: typeof table): Tensor =>
        splitGroups(fusedRope(joinHeads(x), x.shape[1]!, positions, by), groups, size);
      const newKeys = turned(key, table);
      const newValues = splitGroups(joinHeads(value), groups, size);
      entries.push(newKeys, newValues);
      const cached = (name: string): Tensor =>
        graph.input(`${name}.${layer}`, "float32", [batch, groups, 1, capacity, size]);
      // A product for each head, not one for all heads that share keys: for one row the runtime reads the keys as
      // they lie, for several it first makes a packed copy of them.
      const queries = turned(query, queryTable);
      const scores = [cached("keys"), newKeys].map((keys) =>
        matmul(queries, keys, { transB: true }),
      );
      const shares = softmax(add(concat(scores, -1), mask));
      const attended = add(
        matmul(part(shares, -1, begin, border, capacity), cached("values")),
        matmul(part(shares, -1, border, end, tokens), newValues),
      );
      const joined = reshape(transpose(attended, [0, 3, 1, 2, 4]), [batch, tokens, heads, size]);
      return transpose(joined, [0, 2, 1, 3]);
    },
  });
  const flat = reshape(states, [batch * tokens, config.hidden_size]);
  const ends = gather(flat, graph.input("ends", "int64", [batch]), 0);
  graph.output("logits", weights.logits(ends));
  graph.output("entries", concat(entries, 1));
  return graph;
}
