/** One union is the terminal's progress, `events.jsonl`, and the studio's live feed. */
import { z } from "zod";

export const StageName = z.enum([
  "collect",
  "curate",
  "base",
  "dapt",
  "train",
  "preference",
  "evaluate",
  "export",
]);
export type StageName = z.infer<typeof StageName>;

export const RunEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("stage-start"),
    stage: StageName,
    fingerprint: z.string(),
    at: z.string(),
  }),
  z.object({ type: z.literal("stage-skip"), stage: StageName, reason: z.string() }),
  /** Work done so far; `total` where it is known. */
  z.object({
    type: z.literal("progress"),
    stage: StageName,
    label: z.string(),
    done: z.number(),
    total: z.number().optional(),
  }),
  z.object({
    type: z.literal("tally"),
    stage: StageName,
    step: z.string(),
    kept: z.number(),
    dropped: z.record(z.string(), z.number()),
  }),
  z.object({
    type: z.literal("train-step"),
    stage: StageName,
    step: z.number(),
    steps: z.number(),
    loss: z.number(),
    learningRate: z.number(),
    gradNorm: z.number(),
    tokensPerSecond: z.number(),
    /** What else the objective reports: rewards and accuracy of preferences. */
    metrics: z.record(z.string(), z.number()).optional(),
  }),
  z.object({
    type: z.literal("valid"),
    stage: StageName,
    step: z.number(),
    loss: z.number(),
    best: z.boolean(),
  }),
  z.object({
    type: z.literal("score"),
    task: z.string(),
    metric: z.string(),
    system: z.string(),
    value: z.number(),
    n: z.number(),
    low: z.number(),
    high: z.number(),
  }),
  z.object({ type: z.literal("notice"), stage: StageName, message: z.string() }),
  z.object({ type: z.literal("stage-end"), stage: StageName, seconds: z.number() }),
]);
export type RunEvent = z.infer<typeof RunEvent>;
