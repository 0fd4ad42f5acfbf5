/**
 * Dropout on the input of every adapter. The mask is computed inside the graph from a few random
 * numbers a token, so that none is ever fed or stored whole, and a recomputed layer makes the same one.
 */
import { type Random, createRandom } from "../core/random.ts";
import {
  type Graph,
  type Tensor,
  cast,
  constantLike,
  less,
  matmul,
  mul,
  reshape,
  scale,
  sub,
} from "../engine/index.ts";
import type { LoraModule } from "../models/lora.ts";

/** Sums of three products below its square are exact in float32, also where 11 bits of a factor are kept (TF32). */
const PRIME = 1021;
const NUMBERS = 3;

const integers = (random: Random, count: number): Float32Array =>
  Float32Array.from({ length: count }, () => random.integer(0, PRIME - 1));

/** What is fed as `dropout` for a batch of `tokens`, `[tokens, 3]`: new for every micro-batch. */
export const dropoutNumbers = (random: Random, tokens: number): Float32Array =>
  integers(random, tokens * NUMBERS);

/**
 * Zeroes a share `rate` of x `[..., in]` and divides the rest by what is kept. Element i of token t stays
 * where ⟨numbers[t], own[i]⟩ mod p ≥ rate · p: for random numbers these values are uniform, and of one
 * token any three are independent (Carter & Wegman 1979). `own` belongs to the module.
 */
export function inputDropout(
  graph: Graph,
  rate: number,
  tokens: number,
): (x: Tensor, module: LoraModule) => Tensor {
  const numbers = graph.input("dropout", "float32", [tokens, NUMBERS]);
  const dropped = Math.max(1, Math.round(rate * PRIME));
  return (x, { name, inFeatures }) => {
    const own = graph.constant(
      integers(createRandom(NUMBERS).fork(name), NUMBERS * inFeatures),
      "float32",
      [NUMBERS, inFeatures],
    );
    const sums = matmul(numbers, own);
    // Half a step above the integers, the quotient cannot round over one.
    const quotient = scale(sub(sums, constantLike(sums, -0.5)), 1 / PRIME);
    const remainder = sub(sums, scale(cast(cast(quotient, "int32"), "float32"), PRIME));
    const kept = cast(less(constantLike(sums, dropped - 0.5), remainder), x.dtype);
    return mul(x, reshape(scale(kept, PRIME / (PRIME - dropped)), x.shape));
  };
}
