import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recipeChanges } from "./freeze-recipe.ts";
import { loadRecipe, recipeNames } from "./load-recipe.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-recipe-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};
const minimal = {
  name: "mine",
  data: { sources: [{ kind: "bundled", sets: ["twain"] }] },
  base: { kind: "folder", path: "/models/x" },
  train: { steps: 10, learningRate: 0.001 },
};

test("every recipe that ships loads by its name, and is called by it", async () => {
  const names = await recipeNames();
  expect(names).toContain("tiny");
  for (const name of names) expect((await loadRecipe(name)).name).toBe(name);
});

test("overrides win over the file, and defaults fill the rest", async () => {
  const path = await file("mine.json", JSON.stringify(minimal));
  const recipe = await loadRecipe(path, [
    "train.learningRate=1e-4",
    'train.lora.targets=["q_proj"]',
    "name=other",
  ]);
  expect(recipe).toMatchObject({
    name: "other",
    train: { learningRate: 1e-4, steps: 10, lora: { targets: ["q_proj"], rank: 16 } },
  });
});

test("the folder of a base is found from wherever the run is opened later", async () => {
  const path = await file("base.json", JSON.stringify(minimal));
  const recipe = await loadRecipe(path, ["base.path=models/y"]);
  expect(recipe.base).toEqual({ kind: "folder", path: join(process.cwd(), "models", "y") });
});

test("JavaScript and TypeScript files load by path", async () => {
  const text = `export default ${JSON.stringify(minimal)};`;
  for (const name of ["mine.mjs", "mine.ts"])
    expect((await loadRecipe(await file(name, text))).name).toBe("mine");
});

describe("what is wrong is said with a code", () => {
  test.each([
    ["a typo in the name", () => "tinny", "recipe/unknown", /did you mean tiny/],
    [
      "a file that is not there",
      () => join(folder, "none.json"),
      "recipe/unreadable",
      /no such file/,
    ],
    ["broken JSON", () => file("broken.json", "{"), "recipe/unreadable", /JSON/],
    [
      "a module that throws",
      () => file("throws.mjs", "throw new Error('boom')"),
      "recipe/unreadable",
      /boom/,
    ],
    [
      "a module without a recipe",
      () => file("empty.mjs", "export const x = 1;"),
      "recipe/unreadable",
      /default export/,
    ],
    [
      "another kind of file",
      () => file("recipe.yaml", "name: x"),
      "recipe/unreadable",
      /\.json, \.js or \.ts/,
    ],
  ])("%s", async (_, path, code, message) => {
    await expect(loadRecipe(await path())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test("a typo in an override", async () => {
    await expect(loadRecipe("tiny", ["train.lora.rnak=3"])).rejects.toMatchObject({
      code: "recipe/invalid",
      message: expect.stringContaining("did you mean rank?"),
    });
    await expect(loadRecipe("tiny", ["faster"])).rejects.toMatchObject({
      code: "recipe/bad-override",
    });
  });
});

test("changes of a recipe are named by the path that an override would use", () => {
  const before = { train: { steps: 10, lora: { rank: 4 } }, tasks: ["a"] };
  const after = { train: { steps: 20, lora: { rank: 4 } }, tasks: ["a", "b"], seed: 1 };
  expect(recipeChanges(before, after)).toEqual([
    "train.steps: 10 → 20",
    'tasks: ["a"] → ["a","b"]',
    "seed: absent → 1",
  ]);
  expect(recipeChanges(after, after)).toEqual([]);
});
