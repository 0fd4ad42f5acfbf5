import { describe, expect, test } from "vitest";
import { applyOverrides, parseRecipe } from "./recipe.ts";
import { nearest } from "./recipe-errors.ts";

const good = {
  name: "x",
  data: { sources: [{ kind: "bundled", sets: ["twain"] }] },
  base: { kind: "scratch", training: { steps: 1, learningRate: 1e-3 } },
  train: { steps: 2, learningRate: 1e-3 },
};
const parse = (...overrides: string[]) => parseRecipe(applyOverrides(good, overrides), "x.ts");

describe("a recipe", () => {
  test("gets its defaults, also of groups that are left out", () => {
    const recipe = parse();
    expect(recipe.train.lora).toMatchObject({ rank: 16, alpha: 32, targets: "all-linear" });
    expect(recipe.curate.dedup.bands).toBe(20);
    expect(recipe.data.network).toBe(false);
  });

  test.each([
    ["train.lora.rnak=3", /train\.lora\.rnak: unknown key \(did you mean rank\?\)/],
    ["train.learningrate=3", /train\.learningrate: unknown key \(did you mean learningRate\?\)/],
    ["dapt.mixture.twian=1", /dapt\.mixture\.twian: unknown key \(did you mean twain\?\)/],
    ["dapt.mixture.twain=0", /dapt\.mixture: no share above 0/],
    ["base.hiden=3", /base\.hiden: unknown key \(did you mean hidden\?\)/],
    ["curate.drills=-1", /curate\.drills/],
    ["seed=-1", /seed/],
    ["name=Bad Name", /name: lower-case/],
    ["base.kind=elsewhere", /base/],
  ])("%s is refused with its path", (override, message) => {
    expect(() => parse(override)).toThrow(message);
    expect(() => parse(override)).toThrow(expect.objectContaining({ code: "recipe/invalid" }));
  });

  test("overrides are JSON where they parse, else text, and leave the input alone", () => {
    const recipe = parse(
      "train.learningRate=1e-4",
      "data.root=../some where",
      'train.lora.targets=["q_proj"]',
      "data.network=true",
    );
    expect(recipe.train.learningRate).toBe(1e-4);
    expect(recipe.data.root).toBe("../some where");
    expect(recipe.train.lora.targets).toEqual(["q_proj"]);
    expect(recipe.data.network).toBe(true);
    expect(good.train.learningRate).toBe(1e-3);
  });

  test.each(["justtext", "=1", "name.deeper=1", "__proto__.polluted=1", "train.constructor.x=1"])(
    "%s is not an override",
    (text) => {
      expect(() => applyOverrides(good, [text])).toThrow(
        expect.objectContaining({ code: "recipe/bad-override" }),
      );
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    },
  );
});

test("the nearest word is near, or none", () => {
  expect(nearest("lerningRate", ["learningRate", "steps"])).toBe("learningRate");
  expect(nearest("zzzzzz", ["learningRate", "steps"])).toBeUndefined();
});
