/** Chooses the next token from logits. */
import { TwainError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";

export interface SamplingOptions {
  /** 0 is greedy. */
  temperature: number;
  /** The smallest set of likeliest tokens with at least this probability together; 1 keeps all. */
  topP?: number;
  /** At most this many tokens; absent or not above 0 keeps all. */
  topK?: number;
  /** Only tokens with at least this share of the likeliest one's probability (Nguyen et al. 2024, arXiv 2407.01082); absent or 0 keeps all. */
  minP?: number;
}

/** Index of the largest logit, the first of equals. Throws for a row that softmax could not take. */
function argmax(logits: Float32Array): number {
  let best = -1;
  let highest = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]!;
    if (Number.isNaN(value) || value === Infinity) {
      throw new TwainError("generate/bad-logits", `the model gave ${value} for token ${i}`, {
        hint: "The weights are damaged or overflowed: train with a lower learning rate, or fetch the base again.",
      });
    }
    if (value > highest) {
      highest = value;
      best = i;
    }
  }
  if (best < 0)
    throw new TwainError("generate/no-token", `none of ${logits.length} tokens is allowed here`);
  return best;
}

/**
 * A token id. In vLLM's order: temperature, min-p, top-k, and top-p of what is left. `-Infinity` rules a
 * token out; NaN throws `generate/bad-logits`. `logits` is not changed.
 */
export function sample(logits: Float32Array, options: SamplingOptions, random: Random): number {
  const { temperature, topP = 1, topK = 0, minP = 0 } = options;
  const best = argmax(logits);
  if (temperature <= 0 || topK === 1) return best;

  // Relative to the likeliest token, whose weight is 1.
  const highest = logits[best]!;
  const weights = new Float64Array(logits.length);
  let total = 0;
  for (let i = 0; i < logits.length; i++) {
    const weight = Math.exp((logits[i]! - highest) / temperature);
    if (weight >= minP) total += weights[i] = weight;
  }
  // A token of less than (1 - p) / n cannot be in the nucleus: n of them would not fill the rest.
  const floor = topP < 1 && topK <= 0 ? (total * (1 - topP)) / logits.length : 0;
  let candidates: number[] = [];
  for (let i = 0; i < weights.length; i++) {
    if (weights[i]! > 0 && weights[i]! >= floor) candidates.push(i);
  }
  if (topP < 1 || topK > 0) {
    candidates.sort((a, b) => weights[b]! - weights[a]! || a - b);
    if (topK > 0) {
      candidates = candidates.slice(0, topK);
      total = candidates.reduce((sum, id) => sum + weights[id]!, 0);
    }
    let mass = 0;
    const end = candidates.findIndex((id) => (mass += weights[id]!) >= topP * total);
    if (end >= 0) candidates = candidates.slice(0, end + 1);
  }
  const kept = candidates.reduce((sum, id) => sum + weights[id]!, 0);
  let left = random.next() * kept;
  for (const id of candidates) {
    left -= weights[id]!;
    if (left < 0) return id;
  }
  // Rounding only.
  return candidates.at(-1)!;
}
