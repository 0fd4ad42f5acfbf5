/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685): `y = x·Wᵀ + (alpha/rank) · (x·Aᵀ)·Bᵀ` with W frozen,
 * A `[rank, in]`, B `[out, rank]`, in PEFT's layout and names.
 */
import { TwainError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { LoraConfig } from "../core/recipe.ts";
import { type Graph, type Tensor, add, scale } from "../engine/index.ts";
import type { Parameter } from "./architecture.ts";
import { type Weights, linear } from "./weights.ts";

/** `model.layers.0.self_attn.q_proj` and its widths. */
export interface LoraModule {
  name: string;
  inFeatures: number;
  outFeatures: number;
}

/** The linear modules that `targets` names; throws `model/lora-targets` when a target matches none. */
export function loraModules(
  parameters: ReadonlyMap<string, Parameter>,
  targets: LoraConfig["targets"],
): LoraModule[] {
  const linears = [...parameters]
    .filter(([, { kind }]) => kind === "linear")
    .map(([name, { shape }]) => ({
      name: name.replace(/\.weight$/, ""),
      outFeatures: shape[0]!,
      inFeatures: shape[1]!,
    }));
  if (targets === "all-linear") return linears;
  const matches = (module: LoraModule, target: string): boolean =>
    module.name === target || module.name.endsWith(`.${target}`);
  const unmatched = targets.filter((target) => !linears.some((module) => matches(module, target)));
  if (unmatched.length > 0) {
    const known = [...new Set(linears.map((module) => module.name.split(".").at(-1)!))];
    throw new TwainError(
      "model/lora-targets",
      `LoRA targets match no linear layer: ${unmatched.join(", ")}`,
      { hint: `This model has ${known.join(", ")}.` },
    );
  }
  return linears.filter((module) => targets.some((target) => matches(module, target)));
}

export const loraA = (module: string): string => `${module}.lora_A.weight`;
export const loraB = (module: string): string => `${module}.lora_B.weight`;

/** Shapes of the adapter's tensors by name. */
export function loraShapes(
  modules: readonly LoraModule[],
  rank: number,
): Map<string, readonly number[]> {
  return new Map(
    modules.flatMap(
      ({ name, inFeatures, outFeatures }) =>
        [
          [loraA(name), [rank, inFeatures]],
          [loraB(name), [outFeatures, rank]],
        ] as const,
    ),
  );
}

/** PEFT's start: A uniform in ±1/√in (Kaiming with a = √5), B zero, so that the adapter begins as nothing. */
export function initLora(
  modules: readonly LoraModule[],
  rank: number,
  random: Random,
): Map<string, Float32Array> {
  const tensors = new Map<string, Float32Array>();
  for (const { name, inFeatures, outFeatures } of modules) {
    const bound = 1 / Math.sqrt(inFeatures);
    tensors.set(
      loraA(name),
      Float32Array.from({ length: rank * inFeatures }, () => (2 * random.next() - 1) * bound),
    );
    tensors.set(loraB(name), new Float32Array(outFeatures * rank));
  }
  return tensors;
}

/** `base` with adapters beside the chosen modules, as trainable inputs of the graph. */
export function withLora(
  graph: Graph,
  base: Weights,
  modules: readonly LoraModule[],
  config: Pick<LoraConfig, "rank" | "alpha">,
): Weights {
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of loraShapes(modules, config.rank))
    tensors.set(name, graph.input(name, "float32", shape));
  return {
    tensor: (name) => tensors.get(name) ?? base.tensor(name),
    linear(name, x) {
      const y = base.linear(name, x);
      const a = tensors.get(loraA(name));
      const b = tensors.get(loraB(name));
      return a && b ? add(y, linear(scale(linear(x, a), config.alpha / config.rank), b)) : y;
    },
    trainable: (prefix) =>
      [...tensors].filter(([name]) => name.startsWith(prefix)).map(([, tensor]) => tensor),
  };
}

/** `W + (alpha/rank) · B·A` for one module; all row-major, W `[out, in]`. */
export function mergeLora(
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  module: LoraModule,
  config: Pick<LoraConfig, "rank" | "alpha">,
): Float32Array {
  const { inFeatures, outFeatures } = module;
  const { rank, alpha } = config;
  const merged = Float32Array.from(weight);
  for (let o = 0; o < outFeatures; o++) {
    for (let r = 0; r < rank; r++) {
      const factor = (alpha / rank) * b[o * rank + r]!;
      if (factor === 0) continue;
      for (let i = 0; i < inFeatures; i++)
        merged[o * inFeatures + i]! += factor * a[r * inFeatures + i]!;
    }
  }
  return merged;
}
