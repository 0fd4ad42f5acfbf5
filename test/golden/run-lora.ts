/** What our engine computes with a golden adapter: the other half of make-lora.py and check-lora.py. */
import {
  Graph,
  type Tensor,
  type Value,
  compile,
  crossEntropy,
  grad,
  mul,
  reshape,
  rope,
  value,
} from "../../src/engine/index.ts";
import { outputWeight } from "../../src/models/architecture.ts";
import { selfAttention } from "../../src/models/attention.ts";
import { headDim } from "../../src/models/config.ts";
import type { Model } from "../../src/models/folder.ts";
import { type LoraModule, loraShapes, withLora } from "../../src/models/lora.ts";
import type { Adapter } from "../../src/models/peft.ts";
import { ropeTable } from "../../src/models/rope-table.ts";
import type { StoredTensor } from "../../src/models/safetensors.ts";
import { inputWeights, linear } from "../../src/models/weights.ts";

/** make-lora.py's sentence. */
export const goldenIds = [3, 17, 5, 22, 9, 1, 14, 8];

/**
 * Logits `[1, tokens, vocab]`, the summed loss of all tokens but the first, and `d_<name>`. `masks` are
 * dropout's, already divided by what is kept, by module.
 */
export async function runLora(
  model: Model,
  adapter: Adapter,
  masks: ReadonlyMap<string, StoredTensor> = new Map(),
): Promise<Record<string, Value>> {
  const { config, architecture, tensors } = model;
  const count = goldenIds.length;
  const graph = new Graph();
  const parameters = architecture.parameters(config);
  const drop = (x: Tensor, { name }: LoraModule): Tensor => {
    const mask = masks.get(name)!;
    return mul(x, graph.constant(mask.data, "float32", mask.shape));
  };
  const weights = withLora(
    graph,
    inputWeights(graph, parameters, { trainable: false }),
    adapter.modules,
    masks.size > 0 ? { drop } : {},
  );
  const integers = (list: readonly number[], shape: readonly number[]): Tensor =>
    graph.constant(BigInt64Array.from(list, BigInt), "int64", shape);
  const table = ropeTable(config, count);
  const rotary = (data: Float32Array): Tensor =>
    graph.constant(data, "float32", [1, 1, count, headDim(config)]);
  const [cos, sin] = [rotary(table.cos), rotary(table.sin)];
  const mask = Float32Array.from({ length: count * count }, (_, i) =>
    i % count > Math.floor(i / count) ? -1e9 : 0,
  );
  const causal = graph.constant(mask, "float32", [1, 1, 1, count, count]);
  const hidden = architecture.forward(config, weights, {
    ids: integers(goldenIds, [1, count]),
    rotate: (x) => rope(x, cos, sin),
    attend: (_layer, query, key, cached) => selfAttention(query, key, cached, causal),
  });
  const output = weights.tensor(outputWeight(config));
  graph.output("logits", linear(hidden, output));
  const rows = graph.constant(
    Float32Array.from(goldenIds, (_, i) => (i < count - 1 ? 1 : 0)),
    "float32",
    [count],
  );
  const { loss } = crossEntropy(
    reshape(hidden, [count, config.hidden_size]),
    output,
    integers([...goldenIds.slice(1), 0], [count]),
    rows,
  );
  graph.output("loss", loss);
  const names = [...loraShapes(adapter.modules).keys()];
  const gradients = grad(
    loss,
    names.map((name) => weights.tensor(name)),
  );
  names.forEach((name, i) => graph.output(`d_${name}`, gradients[i]!));

  const program = await compile(graph);
  const feeds: Record<string, Value> = {};
  for (const [name, { shape }] of parameters)
    feeds[name] = value("float32", shape, tensors.get(name)!.data);
  for (const [name, shape] of loraShapes(adapter.modules))
    feeds[name] = value("float32", shape, adapter.tensors.get(name)!);
  try {
    return await program.run(feeds);
  } finally {
    await program.release();
  }
}
