import { expect, test } from "vitest";
import { parseRecipe } from "../core/recipe.ts";
import { base } from "./base-stage.ts";

test("the base is trained anew for another mixture of the adapter, whose words it takes, and for nothing else of it", () => {
  const training = { steps: 1, learningRate: 1e-3 };
  const config = (train: object, kind: object = { kind: "scratch", training }): unknown =>
    base.config(
      parseRecipe(
        {
          name: "t",
          data: { sources: [{ kind: "bundled" }] },
          base: kind,
          train: { ...training, ...train },
        },
        "test",
      ),
    );
  const plain = config({});
  expect(config({ steps: 9, lora: { rank: 3 } })).toEqual(plain);
  expect(config({ mixture: { tool: 1 } })).not.toEqual(plain);
  const folder = { kind: "folder", path: "model" };
  expect(config({ mixture: { tool: 1 } }, folder)).toEqual(config({}, folder));
});
