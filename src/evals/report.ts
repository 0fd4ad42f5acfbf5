/** What `report.json` holds: scores with intervals, paired comparisons, gates. */
import { z } from "zod";

// JSON has no NaN: what could not be measured is null there, and stays visible.
const figure = z.number().or(z.null().transform(() => NaN));

export const Score = z.object({
  task: z.string(),
  metric: z.string(),
  system: z.string(),
  value: figure,
  n: z.number().int(),
  low: figure,
  high: figure,
  slice: z.string().optional(),
});
export type Score = z.infer<typeof Score>;

export const Comparison = z.object({
  task: z.string(),
  metric: z.string(),
  from: z.string(),
  to: z.string(),
  /** `to` minus `from`, paired over the same items. */
  difference: figure,
  low: figure,
  high: figure,
  n: z.number().int(),
  better: z.enum(["higher", "lower"]),
  slice: z.string().optional(),
  /** McNemar's, for shares. */
  p: z.number().optional(),
});
export type Comparison = z.infer<typeof Comparison>;

export const Gate = z.object({
  name: z.string(),
  want: z.string(),
  got: z.string(),
  pass: z.boolean(),
});
export type Gate = z.infer<typeof Gate>;

export const EvalReport = z.object({
  schema: z.literal(1),
  systems: z.array(z.string()),
  scores: z.array(Score),
  comparisons: z.array(Comparison),
  gates: z.array(Gate),
});
export type EvalReport = z.infer<typeof EvalReport>;
