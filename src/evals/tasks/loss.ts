/** How well a system predicts held-out rows: loss, perplexity, bits per byte, by domain. */
import { type Conversation, ConversationRow, fromRow } from "../../core/conversation.ts";
import { TwainError } from "../../core/errors.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { betterGate } from "../summarise.ts";
import type { Part } from "../statistics.ts";
import type { RowLogProb } from "../system.ts";
import type { EvalContext, EvalTask, Measure } from "../task.ts";

/** Rows that a system scores in one call. */
const chunk = 32;

/** Up to `evaluate.samples` test rows of each domain, in file order. */
async function testRows(context: EvalContext): Promise<Conversation[]> {
  const counts = new Map<string, number>();
  const rows: Conversation[] = [];
  for await (const row of readJsonl(context.dir.dataset.test, ConversationRow)) {
    const count = counts.get(row.tags.domain) ?? 0;
    if (count >= context.recipe.evaluate.samples) continue;
    counts.set(row.tags.domain, count + 1);
    rows.push(fromRow(row));
  }
  if (rows.length === 0) {
    throw new TwainError("evaluate/no-rows", `${context.dir.dataset.test} is empty`, {
      hint: "Raise curate.split.test.",
    });
  }
  return rows;
}

/** What a system said of a row; undefined where it does not fit its context. */
function check(
  system: string,
  row: Conversation,
  scored: RowLogProb | undefined,
): RowLogProb | undefined {
  if (!scored) return undefined;
  if (!Number.isFinite(scored.sum) || scored.sum >= 0 || scored.tokens <= 0) {
    throw new TwainError(
      "evaluate/bad-log-prob",
      `${system} gave ${scored.sum} nats over ${scored.tokens} trained tokens for row ${row.id}`,
      {
        hint: "A loss of exactly 0, NaN or no trained token means that the model or its chat template is broken.",
      },
    );
  }
  return scored;
}

export const loss: EvalTask = {
  name: "loss",

  async *run(systems, context) {
    const all = await testRows(context);
    const found = new Map<string, (RowLogProb | undefined)[]>();
    for (const system of systems) {
      const results: (RowLogProb | undefined)[] = [];
      for (let at = 0; at < all.length; at += chunk) {
        context.signal.throwIfAborted();
        const part = all.slice(at, at + chunk);
        const answers = await system.logProbs(part, context.signal);
        if (answers.length !== part.length) {
          throw new Error(`${system.name} scored ${answers.length} of ${part.length} rows`);
        }
        results.push(...part.map((row, i) => check(system.name, row, answers[i])));
        yield {
          type: "progress",
          stage: "evaluate",
          label: `loss of ${system.name}`,
          done: results.length,
          total: all.length,
        };
      }
      found.set(system.name, results);
    }

    // Only rows that every system could read whole can be paired.
    const whole = all.map((_, i) => [...found.values()].every((results) => results[i]));
    const rows = all.filter((_, i) => whole[i]);
    const left = all.length - rows.length;
    if (rows.length === 0) {
      throw new TwainError(
        "evaluate/no-rows",
        `all ${left} test rows are longer than the model's context`,
        { hint: "Lower curate.chunk.maxWords or choose a base with a longer context." },
      );
    }
    if (left > 0) {
      yield {
        type: "notice",
        stage: "evaluate",
        message: `loss: ${left} of ${all.length} test rows left out, longer than the model's context`,
      };
    }
    const scored = new Map(
      [...found].map(([system, results]) => [
        system,
        results.flatMap((result, i) => (result && whole[i] ? [result] : [])),
      ]),
    );

    const domains = [...new Set(rows.map((row) => row.tags.domain))].toSorted();
    const slices = [undefined, ...(domains.length > 1 ? domains : [])];
    const parts = (bottom: "tokens" | "bytes", slice: string | undefined): Map<string, Part[]> =>
      new Map(
        [...scored].map(([system, results]) => [
          system,
          results
            .filter((_, i) => slice === undefined || rows[i]!.tags.domain === slice)
            .map((result) => ({ top: -result.sum, bottom: result[bottom] })),
        ]),
      );
    const metrics = [
      { metric: "loss", bottom: "tokens" },
      { metric: "perplexity", bottom: "tokens", shape: Math.exp },
      { metric: "bits-per-byte", bottom: "bytes", shape: (nats: number) => nats / Math.LN2 },
    ] as const;
    const measures = metrics.flatMap(({ bottom, ...metric }) =>
      slices.map((slice): Measure => ({
        ...metric,
        kind: "mean",
        better: "lower",
        ...(slice && { slice }),
        parts: parts(bottom, slice),
      })),
    );
    return { measures, samples: [] };
  },

  gates: (_, comparisons) => [betterGate(comparisons, { metric: "loss", to: "adapter" })],
};
