import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { readJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";
import { loops } from "./loops.ts";

test.each([
  "A sanding sanding sanding the sanding, and I sanding sanding, and I had been sanding, and I had been sanding, and I had been sanding.",
  "The staver is staver, and the staver is staver, and the staver is staver.",
  "heavy heavy heavy heavy heavy heavy heavy heavy heavy",
])("a loop: %s", (text) => expect(loops(text)).toBe(true));

test.each(["", "Rain, rain, go away.", "No, no, no, no!"])("too short to say: %s", (text) =>
  expect(loops(text)).toBe(false),
);

test("no text that ships is a loop", async () => {
  const Row = z.looseObject({ text: z.string().optional() });
  let count = 0;
  for (const set of ["twain", "franklin", "neutral", "headlines", "jokes"])
    for await (const { text = "" } of readJsonl(
      join(packageRoot(), "corpus", `${set}.jsonl`),
      Row,
    )) {
      if (text !== "") count++;
      expect(loops(text), text).toBe(false);
    }
  expect(count).toBeGreaterThan(500);
});
