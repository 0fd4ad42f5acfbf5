import { expect, test } from "vitest";
import { isJsonObject } from "../../core/json.ts";
import { createRandom } from "../../core/random.ts";
import { parseRecipe } from "../../core/recipe.ts";
import { openSynthSources } from "../synth/synth-sources.ts";
import { contrast } from "./contrast.ts";
import { loadPrompt, voiceTexts } from "./prompt.ts";
import { openSimulators } from "./simulators.ts";
import type { WrittenTask } from "./written-kind.ts";

async function weatherTasks(): Promise<WrittenTask[]> {
  const { curate } = parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "none" }] },
      base: { kind: "folder", path: "x" },
      train: { steps: 1, learningRate: 1 },
    },
    "test",
  );
  const synth = await openSynthSources(curate, 1);
  const { signal } = new AbortController();
  const sources = {
    ...synth,
    documents: [],
    voiceTexts: await voiceTexts(),
    at: openSimulators(synth.world),
    signal,
  };
  const prompts = {
    contrast: await loadPrompt("contrast"),
    "contrast-weather": await loadPrompt("contrast-weather"),
  };
  return contrast.plan(sources, prompts, 80, createRandom(1));
}

const plain = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

test("a worse answer fails where it should and nowhere else", async () => {
  const tasks = await weatherTasks();
  expect(tasks.length).toBe(20);
  for (const task of tasks) {
    let result: unknown;
    await task.write((_, values, schema) => {
      result = JSON.parse(String(values.result));
      return Promise.resolve(schema.parse({ bland: "-", wrong: "-" }));
    });
    if (!isJsonObject(result)) throw new Error("a call has a result");
    const { location, days, high, temperature, conditions } = result;
    const [first] = Array.isArray(days) ? days.filter(isJsonObject) : [];
    const degrees = first?.high ?? high ?? temperature;
    const bland = `The following has been recorded for ${plain(location).split(",")[0]}: ${plain(first?.conditions ?? conditions)}, ${plain(degrees)} degrees.`;
    const good = await task.finish(bland, 0);
    expect(good, bland).toMatchObject({ pair: { rejected: [{ content: bland }] } });
    expect(await task.finish(`${bland} It may reach 190 degrees.`, 0)).toEqual({
      reason: "unfaithful",
    });
    expect(await task.finish("It is 190 degrees and the hens lay hard-boiled.", 1)).toMatchObject({
      pair: { template: expect.stringMatching(/^contrast-wrong:/) as string },
    });
    expect(await task.finish(bland, 1)).toEqual({ reason: "not wrong" });
  }
});
