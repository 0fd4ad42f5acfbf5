/**
 * The weights of generation: the base once, as initializers that the runtime packs for its kernels, and
 * beside each matrix what all adapters add to it. Rows of one batch may use different adapters: the products
 * with all A's are taken as one, the numbers of other adapters than the row's own are set to zero, and
 * one product with all B's follows.
 */
import {
  type Graph,
  type Tensor,
  add,
  fusedRmsNorm,
  gather,
  mul,
  reshape,
} from "../engine/index.ts";
import { outputWeight } from "../models/architecture.ts";
import type { Model } from "../models/folder.ts";
import { type LoraModule, doraFactors, loraA, loraB } from "../models/lora.ts";
import type { Adapter } from "../models/peft.ts";
import { type Weights, linear } from "../models/weights.ts";

/** What one adapter adds to one matrix. */
interface Part {
  /** From 1; 0 is the base. */
  adapter: number;
  module: LoraModule;
  a: Float32Array;
  b: Float32Array;
  /** DoRA's factor of each row of the product, undefined where it is 1. */
  factors: Float32Array | undefined;
}

function partsOf(model: Pick<Model, "tensors">, adapters: readonly Adapter[]): Map<string, Part[]> {
  const parts = new Map<string, Part[]>();
  for (const [index, { modules, tensors }] of adapters.entries()) {
    for (const module of modules) {
      const { name } = module;
      const factors = module.dora
        ? doraFactors(model.tensors.get(`${name}.weight`)!.data, module, tensors)
        : undefined;
      const part = {
        adapter: index + 1,
        module,
        a: tensors.get(loraA(name))!,
        b: tensors.get(loraB(name))!,
        factors,
      };
      parts.set(name, [...(parts.get(name) ?? []), part]);
    }
  }
  return parts;
}

/** `[out, Σ rank]`: the B's side by side, each times its scale. */
function joinedB(parts: readonly Part[], rank: number): Float32Array {
  const outFeatures = parts[0]!.module.outFeatures;
  const joined = new Float32Array(outFeatures * rank);
  let from = 0;
  for (const { module, b } of parts) {
    for (let o = 0; o < outFeatures; o++)
      for (let r = 0; r < module.rank; r++)
        joined[o * rank + from + r] = module.scale * b[o * module.rank + r]!;
    from += module.rank;
  }
  return joined;
}

/** `weights` for `decodeGraph`; with adapters the graph gets the input `adapter` `[batch]`. */
export function decodeWeights(
  graph: Graph,
  model: Pick<Model, "architecture" | "config" | "tensors">,
  adapters: readonly Adapter[],
  batch: number,
): Weights & { logits(x: Tensor): Tensor } {
  const tensors = new Map<string, Tensor>();
  const tensor = (name: string): Tensor => {
    const known = tensors.get(name);
    if (known) return known;
    const found = model.tensors.get(name);
    if (!found) throw new Error(`no parameter named ${name}`);
    const made = graph.initializer(name, "float32", found.shape, found.data);
    tensors.set(name, made);
    return made;
  };

  const parts = partsOf(model, adapters);
  const chosen = adapters.length > 0 ? graph.input("adapter", "int64", [batch]) : undefined;
  /** Row `adapter` of `[adapters + 1, width]` for each sequence, `[batch, 1, width]`. */
  const rowsOf = (table: Float32Array, width: number): Tensor =>
    reshape(gather(graph.constant(table, "float32", [adapters.length + 1, width]), chosen!, 0), [
      batch,
      1,
      width,
    ]);
  const masks = new Map<string, Tensor>();
  /** 1 where a row of A's belongs to the sequence's adapter. The same for all modules of equal ranks. */
  const maskOf = (own: readonly Part[], rank: number): Tensor => {
    const key = own.map(({ adapter, module }) => `${adapter}:${module.rank}`).join();
    const known = masks.get(key);
    if (known) return known;
    const table = new Float32Array((adapters.length + 1) * rank);
    let from = 0;
    for (const { adapter, module } of own) {
      table.fill(1, adapter * rank + from, adapter * rank + from + module.rank);
      from += module.rank;
    }
    const mask = rowsOf(table, rank);
    masks.set(key, mask);
    return mask;
  };
  const factorsOf = (own: readonly Part[], width: number): Tensor => {
    const table = new Float32Array((adapters.length + 1) * width).fill(1);
    for (const { adapter, factors } of own) if (factors) table.set(factors, adapter * width);
    return rowsOf(table, width);
  };

  return {
    tensor,
    linear(name, x) {
      const y = linear(x, tensor(`${name}.weight`));
      const own = parts.get(name);
      if (!own) return y;
      const { inFeatures, outFeatures } = own[0]!.module;
      const rank = own.reduce((sum, { module }) => sum + module.rank, 0);
      const joinedA = new Float32Array(rank * inFeatures);
      let from = 0;
      for (const { module, a } of own) {
        joinedA.set(a, from * inFeatures);
        from += module.rank;
      }
      const a = graph.initializer(loraA(name), "float32", [rank, inFeatures], joinedA);
      const b = graph.initializer(loraB(name), "float32", [outFeatures, rank], joinedB(own, rank));
      const sum = add(y, linear(mul(linear(x, a), maskOf(own, rank)), b));
      return own.some(({ factors }) => factors) ? mul(sum, factorsOf(own, outFeatures)) : sum;
    },
    norm: (name, x, epsilon) => fusedRmsNorm(x, tensor(`${name}.weight`), epsilon),
    trainable: () => [],
    logits: (x) => linear(x, tensor(outputWeight(model.config))),
  };
}
