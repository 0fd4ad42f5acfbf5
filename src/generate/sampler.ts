/** Chooses the next token from logits. */
import { TwainError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";

export interface SamplingOptions {
  /** 0 is greedy. */
  temperature: number;
  /** The smallest set of likeliest tokens with at least this probability together; 1 keeps all. */
  topP: number;
  /** At most this many tokens; absent or 0 keeps all. */
  topK?: number;
}

/** Index of the largest logit, the first of equals. Throws for a row that softmax could not take. */
function argmax(logits: Float32Array): number {
  let best = -1;
  let highest = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]!;
    if (Number.isNaN(value) || value === Infinity) {
      throw new TwainError("generate/bad-logits", `the model gave ${value} for token ${i}`, {
        hint: "The weights are damaged or overflowed: train with a lower learning rate, or check the files with `twainbot verify`.",
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

/** A token id. `-Infinity` rules a token out; NaN throws `generate/bad-logits`. `logits` is not changed. */
export function sample(logits: Float32Array, options: SamplingOptions, random: Random): number {
  const best = argmax(logits);
  if (options.temperature <= 0 || options.topK === 1) return best;

  const highest = logits[best]!;
  const weights = new Float64Array(logits.length);
  let total = 0;
  for (let i = 0; i < logits.length; i++) {
    total += weights[i] = Math.exp((logits[i]! - highest) / options.temperature);
  }
  // A token of less than (1 - p) / n cannot be in the nucleus: n of them would not fill the rest.
  const floor = options.topP < 1 ? (total * (1 - options.topP)) / logits.length : 0;
  let candidates: number[] = [];
  for (let i = 0; i < weights.length; i++) {
    if (weights[i]! > 0 && weights[i]! >= floor) candidates.push(i);
  }
  if (options.topP < 1 || options.topK) {
    candidates.sort((a, b) => weights[b]! - weights[a]! || a - b);
    if (options.topK) candidates = candidates.slice(0, options.topK);
    let mass = 0;
    const end = candidates.findIndex((id) => (mass += weights[id]!) >= options.topP * total);
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
