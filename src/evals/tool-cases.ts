/** The tool questions of a run, and running the tools that they offer as of each question's moment. */
import { type Tool, type ToolDefinition, fromWireTool } from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import { readJsonl } from "../core/jsonl.ts";
import { ToolCase, type ToolSlice } from "../core/tool-case.ts";
import { createOfflineProvider } from "../weather/offline.ts";
import type { Place } from "../weather/place.ts";
import { createWeatherTools } from "../weather/tools.ts";
import type { EvalContext } from "./task.ts";

/** Up to `evaluate.samples` cases of each slice, in file order. Throws `evaluate/no-cases` for an empty slice. */
export async function readToolCases(
  context: EvalContext,
  slices: readonly ToolSlice[],
): Promise<ToolCase[]> {
  const path = context.dir.dataset.toolCases;
  const counts = new Map<ToolSlice, number>(slices.map((slice) => [slice, 0]));
  const cases: ToolCase[] = [];
  for await (const item of readJsonl(path, ToolCase)) {
    const count = counts.get(item.slice);
    if (count === undefined || count >= context.recipe.evaluate.samples) continue;
    counts.set(item.slice, count + 1);
    cases.push(item);
  }
  for (const [slice, count] of counts) {
    if (count === 0) {
      throw new TwainError("evaluate/no-cases", `${path} has no case of the slice ${slice}`, {
        hint: "Run `twainbot curate` again with curate.episodes.cases above 0.",
      });
    }
  }
  return cases;
}

export const offeredTools = (item: ToolCase): ToolDefinition[] => item.tools.map(fromWireTool);

/** The offered tools over the offline provider, whose present is the case's. */
export function runnableTools(item: ToolCase, places: readonly Place[]): Tool[] {
  const now = (): Date => new Date(item.now);
  const offered = new Set(item.tools.map((tool) => tool.function.name));
  return createWeatherTools(createOfflineProvider({ places, now }), now).filter((tool) =>
    offered.has(tool.definition.name),
  );
}
