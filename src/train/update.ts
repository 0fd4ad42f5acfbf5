/**
 * The optimizer's step, a few layers at a time: layers are alike, so one small program serves them all, and new
 * weights and moments of the whole model are never there beside the old ones.
 */
import type { TrainingConfig } from "../core/recipe.ts";
import { Graph, type Tensor, adamW, muon, scale } from "../engine/index.ts";
import { isFastTensor } from "../models/lora.ts";

export type UpdateConfig = Pick<
  TrainingConfig,
  "beta1" | "beta2" | "epsilon" | "weightDecay" | "gradientClip"
>;

/** What a step does to one tensor. */
export interface UpdateRule {
  readonly shape: readonly number[];
  /** By Muon instead of AdamW. */
  readonly orthogonal: boolean;
  /** At LoRA+'s rate. */
  readonly fast: boolean;
}

/** Tensors that one run of a program updates. Groups of one `key` have the same rules in the same order. */
export interface UpdateGroup {
  readonly key: string;
  readonly names: readonly string[];
  readonly rules: readonly UpdateRule[];
}

/** Numbers of a group, where a layer is not larger by itself. */
const GROUP_NUMBERS = 1 << 21;

const LAYER = /^.*\blayers\.\d+\./;

/** All tensors of `shapes` in their order, as many whole layers a group as `numbers` allow. */
export function updateGroups(
  shapes: ReadonlyMap<string, readonly number[]>,
  orthogonal: ReadonlySet<string>,
  numbers = GROUP_NUMBERS,
): UpdateGroup[] {
  const layers: { layer: string | undefined; key: string; names: string[]; size: number }[] = [];
  const ruleOf = (name: string): UpdateRule => ({
    shape: shapes.get(name)!,
    orthogonal: orthogonal.has(name),
    fast: isFastTensor(name),
  });
  for (const [name, shape] of shapes) {
    const layer = LAYER.exec(name)?.[0];
    const size = shape.reduce((a, b) => a * b, 1);
    const key = JSON.stringify(ruleOf(name));
    const last = layers.at(-1);
    if (last && layer !== undefined && last.layer === layer) {
      last.names.push(name);
      last.size += size;
      last.key += key;
    } else layers.push({ layer, key, names: [name], size });
  }
  const groups: { key: string; names: string[]; size: number }[] = [];
  let previous: string | undefined;
  for (const { key, names, size } of layers) {
    const last = groups.at(-1);
    if (last && previous === key && last.size + size <= numbers) {
      last.names.push(...names);
      last.size += size;
      last.key += key;
    } else groups.push({ key, names: [...names], size });
    previous = key;
  }
  return groups.map(({ key, names }) => ({ key, names, rules: names.map(ruleOf) }));
}

/**
 * Inputs, by position in `rules`: `p_<i>`, `d_<i>` (the gradient), `m_<i>` and, for AdamW, `v_<i>`; the scalars `scale`
 * of all gradients, `learningRate`, `correction1` and `correction2` (1 - β^step). Outputs: the new `p_<i>`, `m_<i>`, `v_<i>`.
 */
export function updateGraph(
  rules: readonly UpdateRule[],
  config: UpdateConfig,
  { plusRatio }: { plusRatio: number },
): Graph {
  const graph = new Graph();
  const scalar = (name: string): Tensor => graph.input(name, "float32", []);
  const factor = scalar("scale");
  const learningRate = scalar("learningRate");
  const fastRate = plusRatio === 1 ? learningRate : scale(learningRate, plusRatio);
  const [correction1, correction2] = [scalar("correction1"), scalar("correction2")];
  const steps = rules.map(({ shape, orthogonal, fast }, i) => ({
    i,
    shape,
    orthogonal,
    step: {
      parameter: graph.input(`p_${i}`, "float32", shape),
      gradient: graph.input(`d_${i}`, "float32", shape),
      m: graph.input(`m_${i}`, "float32", shape),
      scale: factor,
      learningRate: fast ? fastRate : learningRate,
      weightDecay: shape.length > 1 ? config.weightDecay : 0, // norms are not decayed
      beta1: config.beta1,
    },
  }));
  const matrices = steps.filter(({ orthogonal }) => orthogonal);
  muon(matrices.map(({ step }) => step)).forEach((next, at) => {
    graph.output(`p_${matrices[at]!.i}`, next.parameter);
    graph.output(`m_${matrices[at]!.i}`, next.m);
  });
  for (const { i, shape, orthogonal, step } of steps) {
    if (orthogonal) continue;
    const next = adamW(graph, {
      ...step,
      v: graph.input(`v_${i}`, "float32", shape),
      correction1,
      correction2,
      beta2: config.beta2,
      epsilon: config.epsilon,
    });
    graph.output(`p_${i}`, next.parameter);
    graph.output(`m_${i}`, next.m);
    graph.output(`v_${i}`, next.v);
  }
  return graph;
}

/** √Σ g² over all gradients: their global norm. */
export function gradientNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients)
    for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  return Math.sqrt(sum);
}

/** What gradients of a loss that was summed over `units` are multiplied by: to a mean, and no longer than `gradientClip`. */
export function gradientScale(norm: number, units: number, gradientClip: number): number {
  const mean = norm / units;
  return (gradientClip > 0 ? Math.min(1, gradientClip / (mean + 1e-6)) : 1) / units;
}
