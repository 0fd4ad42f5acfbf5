/** Makes tokens that were there before less likely, as transformers and vLLM do. */

export interface PenaltyOptions {
  /**
   * Of tokens in the prompt or the answer so far a positive logit is divided by it, another one multiplied
   * (CTRL, Keskar et al. 2019, arXiv 1909.05858); 1 is off.
   */
  repetitionPenalty?: number;
  /** Taken from a logit for each time the token is in the answer so far; 0 is off. */
  frequencyPenalty?: number;
  /** Taken from the logits of tokens in the answer so far, once; 0 is off. */
  presencePenalty?: number;
}

export interface Penalties {
  /** New logits; the very same array where nothing is penalised. */
  apply(logits: Float32Array): Float32Array;
  /** The token that was chosen. */
  push(token: number): void;
}

export function createPenalties(prompt: readonly number[], options: PenaltyOptions): Penalties {
  const { repetitionPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 } = options;
  const seen = new Set(repetitionPenalty === 1 ? [] : prompt);
  const counts = new Map<number, number>();
  return {
    apply(logits) {
      if (repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0) return logits;
      const out = logits.slice();
      if (repetitionPenalty !== 1) {
        for (const id of seen) out[id]! *= out[id]! > 0 ? 1 / repetitionPenalty : repetitionPenalty;
      }
      for (const [id, count] of counts) out[id]! -= frequencyPenalty * count + presencePenalty;
      return out;
    },
    push(token) {
      if (repetitionPenalty !== 1) seen.add(token);
      counts.set(token, (counts.get(token) ?? 0) + 1);
    },
  };
}
