/** docs/sources.md has a fragment for every source, and the recipe's schema takes each as it stands. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/core/package-root.ts";
import { parseRecipe } from "../src/core/recipe.ts";
import { collectConfig } from "../src/data/collect.ts";
import { sources } from "../src/data/sources/index.ts";

test("every source has a section with a fragment that is a valid entry of data.sources", async () => {
  const text = await readFile(join(packageRoot(), "docs", "sources.md"), "utf8");
  const blocks = [...text.matchAll(/## ([\w-]+)\n\n```json\n([\s\S]*?)```/g)];
  const fragments = blocks.map(([, , json]) => JSON.parse(json!) as { kind: string });
  expect(fragments.map(({ kind }) => kind).toSorted()).toEqual(
    sources.map(({ kind }) => kind).toSorted(),
  );
  expect(blocks.map(([, title]) => title)).toEqual(fragments.map(({ kind }) => kind));
  const training = { steps: 1, learningRate: 1e-3 };
  const recipe = parseRecipe(
    {
      name: "docs",
      data: {
        sources: fragments,
        contact: "you@example.org",
        privateHosts: ["mirror.lan", "127.0.0.1:8080"],
      },
      base: { kind: "scratch", training },
      train: training,
    },
    "docs/sources.md",
  );
  expect(collectConfig(recipe).sources).toHaveLength(sources.length);
  for (const { kind } of sources) expect(text).toContain(`| [\`${kind}\`](#${kind}) |`);
});
