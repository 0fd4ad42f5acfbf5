/** Every system answers every item; the answers become shares that pair item by item. */
import type { RunEvent } from "../core/events.ts";
import { concurrently } from "./concurrently.ts";
import type { System } from "./system.ts";
import type { EvalContext, Measure, Sample } from "./task.ts";

/** Samples of all systems, each in the order of the items; yields progress. */
export async function* answerAll<Item>(
  task: string,
  systems: readonly System[],
  items: readonly Item[],
  context: EvalContext,
  answer: (system: System, item: Item, signal: AbortSignal) => Promise<Sample>,
): AsyncGenerator<RunEvent, Sample[]> {
  const samples: Sample[] = [];
  for (const system of systems) {
    const work = concurrently(
      items,
      context.recipe.evaluate.concurrency,
      context.signal,
      (item, signal) => answer(system, item, signal),
    );
    let next = await work.next();
    for (; !next.done; next = await work.next()) {
      yield {
        type: "progress",
        stage: "evaluate",
        label: `${task} of ${system.name}`,
        done: next.value,
        total: items.length,
      };
    }
    samples.push(...next.value);
  }
  return samples;
}

/** One of the samples' values as a measure, over a slice or over all. */
export function measureOf(
  samples: readonly Sample[],
  systems: readonly System[],
  measure: Pick<Measure, "metric" | "kind" | "better"> & { slice?: string | undefined },
): Measure {
  const { slice, ...rest } = measure;
  const parts = (system: string): { top: number; bottom: number }[] =>
    samples
      .filter(
        (sample) => sample.system === system && (slice === undefined || sample.slice === slice),
      )
      .map((sample) => ({ top: sample.values[measure.metric]!, bottom: 1 }));
  return {
    ...rest,
    ...(slice !== undefined && { slice }),
    parts: new Map(systems.map(({ name }) => [name, parts(name)])),
  };
}
