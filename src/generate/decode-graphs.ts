/**
 * The two graphs of generation: `prefill` reads whole prompts, `decode` adds one token to each of
 * several sequences. The key-value cache stays outside, in arrays of the host: a graph reads it as an
 * input and returns only the new entries, so nothing is copied but what is new.
 */
import {
  Graph,
  type Tensor,
  add,
  concat,
  gather,
  matmul,
  reshape,
  slice,
  softmax,
} from "../engine/index.ts";
import { outputWeight } from "../models/architecture.ts";
import { groupQueries, groupedScores, selfAttention } from "../models/attention.ts";
import { headDim, kvHeads } from "../models/config.ts";
import type { Model } from "../models/folder.ts";
import { inputWeights, linear } from "../models/weights.ts";

type Shape = Pick<Model, "architecture" | "config">;

interface Begun {
  graph: Graph;
  hidden: (attend: (layer: number, query: Tensor, key: Tensor, value: Tensor) => Tensor) => Tensor;
  logits: (last: Tensor) => void;
}

/** Inputs that both graphs share: `ids` and `positions` `[batch, tokens]`, tables `cos` and `sin` `[context, headDim]`. */
function begin(
  { architecture, config }: Shape,
  batch: number,
  tokens: number,
  context: number,
): Begun {
  const graph = new Graph();
  const weights = inputWeights(graph, architecture.parameters(config), { trainable: false });
  const ids = graph.input("ids", "int64", [batch, tokens]);
  const positions = graph.input("positions", "int64", [batch, tokens]);
  const size = headDim(config);
  const table = (name: string): Tensor =>
    reshape(gather(graph.input(name, "float32", [context, size]), positions, 0), [
      batch,
      1,
      tokens,
      size,
    ]);
  const [cos, sin] = [table("cos"), table("sin")];
  return {
    graph,
    hidden: (attend) =>
      architecture.forward(config, weights, {
        ids,
        cos,
        sin,
        attend(layer, query, key, value) {
          graph.output(`key.${layer}`, key);
          graph.output(`value.${layer}`, value);
          return attend(layer, query, key, value);
        },
      }),
    logits: (last) => graph.output("logits", linear(last, weights.tensor(outputWeight(config)))),
  };
}

/**
 * Whole prompts, padded on the right to `tokens`. Inputs besides the weights: `ids`, `positions`,
 * `last` `[batch]` (flat index of each prompt's last token). Outputs: `logits` `[batch, vocab]` after
 * that token, `key.<layer>` and `value.<layer>` `[batch, kvHeads, tokens, headDim]`.
 */
export function prefillGraph(model: Shape, batch: number, tokens: number, context: number): Graph {
  const { graph, hidden, logits } = begin(model, batch, tokens, context);
  const causal = new Float32Array(tokens * tokens).fill(-1e9);
  for (let i = 0; i < tokens; i++) causal.fill(0, i * tokens, i * tokens + i + 1);
  const mask = graph.constant(causal, "float32", [1, 1, 1, tokens, tokens]);
  const states = hidden((_layer, query, key, value) => selfAttention(query, key, value, mask));
  const flat = reshape(states, [batch * tokens, model.config.hidden_size]);
  logits(gather(flat, graph.input("last", "int64", [batch]), 0));
  return graph;
}

/**
 * One token for each of `batch` sequences with up to `capacity` cached ones. Further inputs:
 * `pastMask` `[batch, capacity]` (0 where the cache is filled, -1e9 elsewhere), `pastKey.<layer>` and
 * `pastValue.<layer>` `[batch, kvHeads, capacity, headDim]`. Outputs as `prefillGraph` with one token.
 */
export function decodeGraph(model: Shape, batch: number, capacity: number, context: number): Graph {
  const { config } = model;
  const { graph, hidden, logits } = begin(model, batch, 1, context);
  const pastMask = reshape(graph.input("pastMask", "float32", [batch, capacity]), [
    batch,
    1,
    1,
    1,
    capacity,
  ]);
  const nothing = graph.constant(new Float32Array(1), "float32", [1, 1, 1, 1, 1]);
  const cache = [batch, kvHeads(config), capacity, headDim(config)];
  const states = hidden((layer, query, key, value) => {
    const [, heads, , size] = query.shape as [number, number, number, number];
    const pastKey = graph.input(`pastKey.${layer}`, "float32", cache);
    const pastValue = graph.input(`pastValue.${layer}`, "float32", cache);
    const grouped = groupQueries(query, key.shape[1]!);
    // One softmax over the cached scores and the token's own, without joining the keys.
    const all = softmax(
      concat(
        [groupedScores(grouped, 1, pastKey, pastMask), groupedScores(grouped, 1, key, nothing)],
        4,
      ),
    );
    const weigh = (from: number, to: number, values: Tensor): Tensor =>
      matmul(
        reshape(slice(all, 4, from, to), [batch, grouped.shape[1]!, grouped.shape[2]!, to - from]),
        values,
      );
    return reshape(add(weigh(0, capacity, pastValue), weigh(capacity, capacity + 1, value)), [
      batch,
      heads,
      1,
      size,
    ]);
  });
  logits(reshape(states, [batch, config.hidden_size]));
  return graph;
}
