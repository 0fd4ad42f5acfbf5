import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../core/package-root.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import { train } from "./train-stage.ts";

const schedule = { steps: 1, learningRate: 1e-3 };
const check = (base: Recipe["base"] | object, lora: object): Promise<unknown> => {
  const recipe = parseRecipe(
    { name: "t", data: { sources: [{ kind: "x" }] }, base, train: { ...schedule, lora } },
    "t",
  );
  return train.check!(recipe, runDir("nowhere"), new AbortController().signal);
};
const phi = { kind: "folder", path: join(packageRoot(), "test", "golden", "phi3") };
const scratch = { kind: "scratch", training: schedule };

test("targets are held against a base that is a folder or still to be trained, before anything runs", async () => {
  for (const [base, name, other] of [
    [phi, "qkv_proj", "q_proj"],
    [scratch, "q_proj", "qkv_proj"],
  ] as const) {
    await expect(check(base, { targets: [name] })).resolves.toBeUndefined();
    await expect(check(base, { targets: [other] })).rejects.toMatchObject({
      code: "model/lora-targets",
      hint: expect.stringContaining(name) as string,
    });
  }
  await expect(check(scratch, { rankPattern: { "(": 2 } })).rejects.toMatchObject({
    code: "model/bad-pattern",
  });
  for (const lora of [{ rankPattern: { q_prj: 2 } }, { alphaPattern: { "layers.9": 2 } }])
    await expect(check(scratch, lora)).rejects.toMatchObject({
      code: "model/lora-targets",
      message: expect.stringMatching(/(rank|alpha)Pattern.*(q_prj|layers\.9).* none/) as string,
    });
  await expect(check(scratch, { rankPattern: { q_proj: 2, ".*": 3 } })).resolves.toBeUndefined();
  await expect(check({ kind: "folder", path: "nowhere" }, {})).rejects.toMatchObject({
    code: "model/missing-file",
  });
});

test("of a model that is still to be downloaded nothing is said", async () => {
  const hub = { kind: "hub", name: "someone/never-downloaded" };
  await expect(check(hub, { targets: ["anything"] })).resolves.toBeUndefined();
});
