/** What an evaluation left in a run: its report, and the conversations behind it. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { WireMessage } from "../core/chat.ts";
import { readJsonl } from "../core/jsonl.ts";
import type { RunDir } from "../core/run-dir.ts";
import { EvalReport } from "../evals/report.ts";

export const readReport = async (dir: RunDir): Promise<EvalReport> =>
  EvalReport.parse(JSON.parse(await readFile(dir.evaluate.json, "utf8")));

/** A line of `samples.jsonl`, as far as it is shown. */
export const ShownSample = z.object({
  task: z.string(),
  id: z.string(),
  system: z.string(),
  slice: z.string().optional(),
  messages: z.array(WireMessage).min(1),
  outcome: z.string(),
});
export type ShownSample = z.infer<typeof ShownSample>;

/** The first item of a task as every system answered it; none where the task did not run. */
export async function firstItem(dir: RunDir, task: string): Promise<ShownSample[]> {
  const found: ShownSample[] = [];
  for await (const sample of readJsonl(dir.evaluate.samples, ShownSample)) {
    if (sample.task === task && (found.length === 0 || sample.id === found[0]!.id))
      found.push(sample);
  }
  return found;
}
