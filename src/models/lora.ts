/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685): `y = x·Wᵀ + s · (x·Aᵀ)·Bᵀ` with W frozen, A `[rank, in]`,
 * B `[out, rank]` and s = alpha / rank, or alpha / √rank (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732), in
 * PEFT's layout and names. DoRA (Liu et al. 2024, arXiv 2402.09353) gives every row of W + s·B·A the
 * length that a trained magnitude says.
 */
import { TwainError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { LoraConfig } from "../core/recipe.ts";
import {
  type Graph,
  type Tensor,
  add,
  constantLike,
  div,
  matmul,
  mul,
  reduceSum,
  scale,
  sqrt,
  stopGradient,
  sub,
  transpose,
} from "../engine/index.ts";
import type { Parameter } from "./architecture.ts";
import { endOfName, patternValue, wholeName } from "./module-pattern.ts";
import { type Weights, linear } from "./weights.ts";

/** What decides an adapter's shapes and scales; what is left out is off. */
export type LoraShape = Pick<LoraConfig, "rank" | "alpha"> &
  Partial<Pick<LoraConfig, "targets" | "rankPattern" | "alphaPattern" | "rslora" | "dora">>;

/** An adapted module: `model.layers.0.self_attn.q_proj`, its widths, and what its adapter is like. */
export interface LoraModule {
  name: string;
  inFeatures: number;
  outFeatures: number;
  rank: number;
  /** s of the formula. */
  scale: number;
  dora: boolean;
}

/** Whether one of the names or the pattern in `targets` means a module. */
function targetTest(targets: LoraConfig["targets"]): (module: string) => boolean {
  if (targets === "all-linear") return () => true;
  if (typeof targets === "string") return wholeName(targets);
  return (module) => targets.some((target) => module === target || module.endsWith(`.${target}`));
}

const layersOf = (
  parameters: ReadonlyMap<string, Parameter>,
  ...kinds: Parameter["kind"][]
): { name: string; shape: readonly number[] }[] =>
  [...parameters]
    .filter(([, { kind }]) => kinds.includes(kind))
    .map(([name, { shape }]) => ({ name: name.replace(/\.weight$/, ""), shape }));

/** Throws where `targets` asks for the embedding or the output layer, or a name in it matches nothing. */
function checkTargets(
  parameters: ReadonlyMap<string, Parameter>,
  targets: LoraConfig["targets"],
): void {
  if (targets === "all-linear") return;
  const linears = layersOf(parameters, "linear").map(({ name }) => name);
  const tied = layersOf(parameters, "output").length === 0;
  const vocabulary = layersOf(parameters, "embedding", "output").map(({ name }) => name);
  if (tied) vocabulary.push("lm_head");
  const asked = vocabulary.find(targetTest(targets));
  if (asked !== undefined)
    throw new TwainError(
      "model/lora-targets",
      `LoRA targets match ${asked}, ${tied ? "which is embedding and output layer in one here (tie_word_embeddings)" : "which takes no adapter"}`,
      {
        hint: tied
          ? "An adapter there would change what is read and what is written at once, and loaders of PEFT's files lose one of the two. Target linear layers; all-linear leaves these out."
          : "Adapters sit on linear layers inside the model; all-linear is all of them.",
      },
    );
  const each = typeof targets === "string" ? [targets] : targets;
  const unmatched = each.filter(
    (target) => !linears.some(targetTest(typeof targets === "string" ? target : [target])),
  );
  if (unmatched.length > 0) {
    const known = [...new Set(linears.map((name) => name.split(".").at(-1)!))];
    throw new TwainError(
      "model/lora-targets",
      `LoRA targets match no linear layer: ${unmatched.join(", ")}`,
      {
        hint: `This model has ${known.join(", ")}; a text is a regular expression for the whole name, such as ${linears[0]}.`,
      },
    );
  }
}

/**
 * The linear modules that the targets name, each with its rank and scale. Throws `model/lora-targets`
 * when a target matches none or means the embedding or the output layer, and `model/bad-pattern`.
 */
export function loraModules(
  parameters: ReadonlyMap<string, Parameter>,
  lora: LoraShape,
): LoraModule[] {
  const { targets = "all-linear", rankPattern = {}, alphaPattern = {}, rslora, dora } = lora;
  checkTargets(parameters, targets);
  const wanted = targetTest(targets);
  const rankOf = patternValue(rankPattern);
  const alphaOf = patternValue(alphaPattern);
  return layersOf(parameters, "linear")
    .filter(({ name }) => wanted(name))
    .map(({ name, shape }) => {
      const rank = rankOf(name) ?? lora.rank;
      const alpha = alphaOf(name) ?? lora.alpha;
      return {
        name,
        outFeatures: shape[0]!,
        inFeatures: shape[1]!,
        rank,
        scale: alpha / (rslora ? Math.sqrt(rank) : rank),
        dora: dora ?? false,
      };
    });
}

/** Throws `model/lora-targets` for a key of `rankPattern` or `alphaPattern` that means none of the adapted modules. */
export function checkPatterns(
  modules: readonly LoraModule[],
  { rankPattern, alphaPattern }: Pick<LoraConfig, "rankPattern" | "alphaPattern">,
): void {
  for (const [setting, patterns] of Object.entries({ rankPattern, alphaPattern }))
    for (const key of Object.keys(patterns)) {
      const means = endOfName(key);
      if (modules.some(({ name }) => means(name))) continue;
      throw new TwainError(
        "model/lora-targets",
        `lora.${setting} ${JSON.stringify(key)} matches none of the ${modules.length} layers with an adapter`,
        {
          hint: `A key matches a whole name, such as ${modules[0]?.name}, or what follows one of its dots.`,
        },
      );
    }
}

export const loraA = (module: string): string => `${module}.lora_A.weight`;
export const loraB = (module: string): string => `${module}.lora_B.weight`;
/** DoRA's lengths of the rows, `[out]`. */
export const loraMagnitude = (module: string): string => `${module}.lora_magnitude_vector`;

/** Shapes of the adapter's tensors by name. */
export function loraShapes(modules: readonly LoraModule[]): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, inFeatures, outFeatures, rank, dora } of modules) {
    shapes.set(loraA(name), [rank, inFeatures]);
    shapes.set(loraB(name), [outFeatures, rank]);
    if (dora) shapes.set(loraMagnitude(name), [outFeatures]);
  }
  return shapes;
}

/** LoRA+ (Hayou et al. 2024, arXiv 2402.12354): what trains at `plusRatio` times the learning rate, as in PEFT. */
export const isFastTensor = (name: string): boolean =>
  name.endsWith(".lora_B.weight") || name.endsWith(".lora_magnitude_vector");

/** Euclidean length of each row of `[rows, columns]`. */
function rowLengths(matrix: Float32Array, columns: number): Float32Array {
  const lengths = new Float32Array(matrix.length / columns);
  for (let row = 0; row < lengths.length; row++) {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += matrix[i]! ** 2;
    lengths[row] = Math.sqrt(sum);
  }
  return lengths;
}

/**
 * PEFT's start: A uniform in ±1/√in (Kaiming with a = √5), B zero, magnitudes the lengths of the rows
 * of `weights`, so that the adapter begins as nothing.
 */
export function initLora(
  modules: readonly LoraModule[],
  random: Random,
  weights: ReadonlyMap<string, { data: Float32Array }>,
): Map<string, Float32Array> {
  const tensors = new Map<string, Float32Array>();
  for (const { name, inFeatures, outFeatures, rank, dora } of modules) {
    const bound = 1 / Math.sqrt(inFeatures);
    tensors.set(
      loraA(name),
      Float32Array.from({ length: rank * inFeatures }, () => (2 * random.next() - 1) * bound),
    );
    tensors.set(loraB(name), new Float32Array(outFeatures * rank));
    if (dora)
      tensors.set(loraMagnitude(name), rowLengths(weights.get(`${name}.weight`)!.data, inFeatures));
  }
  return tensors;
}

/**
 * m / ‖W + s·B·A‖ of each row, `[out]`; no gradient passes through the length, as in the paper (§4.3).
 * The product B·A is never made: ‖w + s·b·A‖² = ‖w‖² + 2s·(w·Aᵀ)·b + s²·b·(A·Aᵀ)·b for each row.
 */
function rowFactors(base: Weights, module: LoraModule, a: Tensor, b: Tensor, m: Tensor): Tensor {
  const [fixedA, fixedB] = [stopGradient(a), stopGradient(b)];
  const weight = base.tensor(`${module.name}.weight`);
  const inB = (rows: Tensor): Tensor => reduceSum(mul(rows, fixedB), [1]);
  const cross = inB(transpose(base.linear(module.name, fixedA), [1, 0]));
  const own = inB(matmul(fixedB, linear(fixedA, fixedA)));
  const squares = add(
    reduceSum(mul(weight, weight), [1]),
    add(scale(cross, 2 * module.scale), scale(own, module.scale ** 2)),
  );
  return div(m, sqrt(squares));
}

/**
 * Whether training is cheaper with `W + s·B·A` made once a batch than with two thin products a token. A token
 * costs 6·rank·(in + out) operations beside W, forward and backward; the gradient of the sum 2·in·out. Ranks of
 * large models are far below that line, those of a model of 128 columns are not.
 */
const isCheaperSummed = ({ rank, inFeatures, outFeatures }: LoraModule): boolean =>
  3 * rank * (inFeatures + outFeatures) > inFeatures * outFeatures;

/**
 * `base` with adapters beside the chosen modules, as trainable inputs of the graph. `drop` is what
 * training does to an adapter's input (dropout); weights that are `packed` are never had whole.
 */
export function withLora(
  graph: Graph,
  base: Weights,
  modules: readonly LoraModule[],
  {
    drop,
    packed = false,
  }: { drop?: (x: Tensor, module: LoraModule) => Tensor; packed?: boolean } = {},
): Weights {
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of loraShapes(modules))
    tensors.set(name, graph.input(name, "float32", shape));
  const adapted = new Map(modules.map((module) => [module.name, module]));
  return {
    ...base,
    tensor: (name) => tensors.get(name) ?? base.tensor(name),
    linear(name, x) {
      const module = adapted.get(name);
      if (!module) return base.linear(name, x);
      const a = tensors.get(loraA(name))!;
      const b = tensors.get(loraB(name))!;
      if (!drop && !packed && !module.dora && isCheaperSummed(module))
        return linear(x, add(base.tensor(`${name}.weight`), scale(matmul(b, a), module.scale)));
      const y = base.linear(name, x);
      const entering = drop ? drop(x, module) : x;
      const delta = linear(scale(linear(entering, a), module.scale), b);
      if (!module.dora) return add(y, delta);
      const factors = rowFactors(base, module, a, b, tensors.get(loraMagnitude(name))!);
      if (entering === x) return mul(add(y, delta), factors);
      // PEFT drops the input of everything that is added to the frozen product, W included.
      const dropped = mul(sub(factors, constantLike(factors, 1)), base.linear(name, entering));
      return add(y, add(dropped, mul(factors, delta)));
    },
    trainable: (prefix) =>
      [...tensors].filter(([name]) => name.startsWith(prefix)).map(([, tensor]) => tensor),
  };
}

/** `W + s·B·A` of one module, row-major `[out, in]`. */
function addLora(
  weight: Float32Array,
  { name, inFeatures, outFeatures, rank, scale: factorOfAll }: LoraModule,
  tensors: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const [a, b] = [tensors.get(loraA(name))!, tensors.get(loraB(name))!];
  const sum = Float32Array.from(weight);
  for (let o = 0; o < outFeatures; o++) {
    for (let r = 0; r < rank; r++) {
      const factor = factorOfAll * b[o * rank + r]!;
      if (factor === 0) continue;
      for (let i = 0; i < inFeatures; i++)
        sum[o * inFeatures + i]! += factor * a[r * inFeatures + i]!;
    }
  }
  return sum;
}

/** m / ‖W + s·B·A‖ of each row of a DoRA module, `[out]`, for weights that no longer change. */
export function doraFactors(
  weight: Float32Array,
  module: LoraModule,
  tensors: ReadonlyMap<string, Float32Array>,
  sum = addLora(weight, module, tensors),
): Float32Array {
  const magnitudes = tensors.get(loraMagnitude(module.name))!;
  return rowLengths(sum, module.inFeatures).map((length, o) => magnitudes[o]! / length);
}

/** `W + s·B·A` of one module, its rows at DoRA's lengths where it has them; row-major, W `[out, in]`. */
export function mergeLora(
  weight: Float32Array,
  module: LoraModule,
  tensors: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const merged = addLora(weight, module, tensors);
  if (module.dora) {
    const width = module.inFeatures;
    doraFactors(weight, module, tensors, merged).forEach((factor, o) => {
      for (let i = o * width; i < (o + 1) * width; i++) merged[i]! *= factor;
    });
  }
  return merged;
}
