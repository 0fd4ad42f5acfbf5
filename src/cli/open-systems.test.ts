/** Base and adapter of a run with a random quantized base, opened as evaluation opens them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import tiny from "../../recipes/tiny.ts";
import { type Message, completeTurn } from "../core/chat.ts";
import { createRandom } from "../core/random.ts";
import { type Recipe, applyOverrides, parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { conversation } from "../data/exports/test-conversations.ts";
import type { System } from "../evals/system.ts";
import { architectureOf } from "../models/architecture.ts";
import { writeModel } from "../models/folder.ts";
import { initModel, scratchConfig } from "../models/init.ts";
import { initLora, loraModules } from "../models/lora.ts";
import { writeAdapter } from "../models/peft.ts";
import { createTokenizer, writeTokenizerFiles } from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import { openRunModels } from "./open-run.ts";
import { openSystems } from "./open-systems.ts";
import { writeManifest } from "./test-run.ts";

let place: string;
let dir: RunDir;
let recipe: Recipe;
const TEXT = "Will it rain in Hannibal? The river says yes and the almanac says no. ".repeat(20);
const { signal } = new AbortController();

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "twainbot-systems-"));
  const folder = join(place, "model");
  const made = parseRecipe(tiny, "tiny");
  if (made.base.kind !== "scratch") throw new Error("tiny has a base from scratch");
  async function* texts(): AsyncGenerator<string> {
    yield TEXT;
  }
  const files = await trainVocabulary(texts(), { ...twainTokens, vocabSize: 400 });
  await writeTokenizerFiles(folder, files);
  const config = scratchConfig(made.base, createTokenizer(files).vocabSize, 0, 1);
  const random = createRandom(1);
  const tensors = initModel(config, random);
  await writeModel(folder, config, tensors);
  recipe = parseRecipe(
    applyOverrides(tiny, [
      `base=${JSON.stringify({ kind: "folder", path: folder })}`,
      "train.quantization=nf4",
    ]),
    "tiny",
  );
  dir = runDir(join(place, "run"));
  const { lora } = recipe.train;
  const modules = loraModules(architectureOf(config).parameters(config), lora);
  const trained = initLora(modules, random, tensors);
  for (const [name, data] of trained)
    if (name.endsWith("lora_B.weight"))
      for (let i = 0; i < data.length; i++) data[i] = 0.3 * random.normal();
  await writeAdapter(dir.train.adapter, {
    lora,
    modules,
    tensors: trained,
    baseName: "x",
    card: "",
  });
  await writeManifest(dir, "base");
  await writeManifest(dir, "train");
});
afterAll(() => rm(place, { recursive: true, force: true }));

const question: Message[] = [{ role: "user", content: "Will it rain in Hannibal?" }];

async function answers(
  systems: readonly Pick<System, "chat">[],
): Promise<(string | null | undefined)[]> {
  const found: (string | null | undefined)[] = [];
  for (const { chat } of systems)
    found.push((await completeTurn(chat(question, { maxTokens: 16 }))).message.content);
  return found;
}

test("an adapter beside its base answers and scores as one that is merged, and as the server does", async () => {
  const rows = [conversation([...question, { role: "assistant", content: "It may." }])];
  const seen: { said: Awaited<ReturnType<typeof answers>>; sums: number[] }[] = [];
  for (const merged of [true, false]) {
    const systems = await openSystems(recipe, dir, () => merged);
    expect(systems.map(({ name }) => name)).toEqual(["base", "adapter"]);
    const before = await answers(systems);
    const sums: number[] = [];
    for (const system of systems) sums.push((await system.logProbs(rows, signal))[0]!.sum);
    // Scoring closed what answers: it is opened again.
    expect(await answers(systems)).toEqual(before);
    for (const { close } of systems) await close?.();
    seen.push({ said: before, sums });
  }
  expect(seen[0]!.said[0]).not.toBe(seen[0]!.said[1]);
  expect(seen[0]!.sums[0]).not.toBeCloseTo(seen[0]!.sums[1]!, 2);
  expect(seen[1]).toEqual(seen[0]);

  const { models, close } = await openRunModels([{ recipe, dir }], { slots: 1 });
  expect((await answers(models)).toReversed()).toEqual(seen[0]!.said);
  await close();
});
