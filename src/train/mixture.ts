/** Which example comes next: domains by their share of tokens, each domain in a fresh order every epoch. */
import { TwainError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Example } from "../tokenizer/example.ts";
import type { Examples } from "./packed-examples.ts";

/**
 * An endless, deterministic stream. The domain whose share of tokens lags most behind its weight is
 * next. `setting` is where the recipe has the weights. Throws `train/empty-domain` when a weighted domain has no examples.
 */
export function createMixture(
  byDomain: ReadonlyMap<string, Examples>,
  weights: Readonly<Record<string, number>>,
  random: Random,
  setting = "train.mixture",
): () => Example {
  const total = Object.values(weights).reduce((a, b) => a + b, 0);
  const queues = Object.entries(weights)
    .filter(([, weight]) => weight > 0)
    .map(([domain, weight]) => {
      const examples = byDomain.get(domain) ?? [];
      if (examples.length === 0) {
        throw new TwainError(
          "train/empty-domain",
          `${setting} asks for ${domain} (${weight}), there are no such rows to train on`,
          {
            hint: `There are ${[...byDomain].map(([name, list]) => `${name} (${list.length})`).join(", ")}. Set ${setting}.${domain}=0 or add data.`,
          },
        );
      }
      return {
        examples,
        share: weight / total,
        random: random.fork(domain),
        /** Indices of what is left of the epoch. */
        order: [] as number[],
        tokens: 0,
      };
    });
  if (queues.length === 0)
    throw new TwainError("train/empty-domain", `${setting} has no weight above 0`);
  let served = 0;
  return () => {
    let next = queues[0]!;
    for (const queue of queues) {
      if (queue.share * served - queue.tokens > next.share * served - next.tokens) next = queue;
    }
    if (next.order.length === 0)
      next.order = next.random.shuffle(Array.from({ length: next.examples.length }, (_, i) => i));
    const example = next.examples.at(next.order.pop()!)!;
    next.tokens += example.ids.length;
    served += example.ids.length;
    return example;
  };
}
