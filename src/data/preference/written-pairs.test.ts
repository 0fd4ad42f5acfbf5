/** What a model wrote to be worse, up to the file that stage `preference` reads. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ConversationRow } from "../../core/conversation.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { type Preference, PreferenceRow } from "../../core/preference.ts";
import { createRandom } from "../../core/random.ts";
import { type Recipe, parseRecipe } from "../../core/recipe.ts";
import { type RunDir, runDir } from "../../core/run-dir.ts";
import { readManifest, runStage } from "../../core/stage.ts";
import { collect } from "../collect.ts";
import { curate } from "../curate.ts";
import { DatasetStats } from "../dataset-stats.ts";
import { type TestEndpoint, startTestEndpoint } from "../written/test-endpoint.ts";
import { kindOf } from "./make-pairs.ts";
import { countWrittenPairs, drawWrittenPairs } from "./written-pairs.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let server: TestEndpoint;
let folder: string;
beforeAll(async () => {
  server = await startTestEndpoint();
  folder = await mkdtemp(join(tmpdir(), "twainbot-written-pairs-"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const TERMS = "CC0, a script";
function recipeOf(preference: object, kinds: Record<string, number>): Recipe {
  return parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "bundled", sets: ["franklin", "neutral"] }] },
      curate: {
        episodes: { train: 60, cases: 2 },
        preference,
        written: {
          endpoint: { url: server.url, model: "scripted", terms: TERMS },
          kinds,
          cap: "off",
        },
        split: { valid: 0.2, test: 0.2 },
      },
      base: { kind: "folder", path: "x" },
      train: { steps: 1, learningRate: 1e-3 },
    },
    "test",
  );
}

/** Whole stages; the second time what was answered comes from the cache. */
async function make(recipe: Recipe): Promise<RunDir> {
  const dir = runDir(join(folder, recipe.name));
  const { signal } = new AbortController();
  await curate.check!(recipe, dir, signal);
  for await (const _ of runStage(collect, recipe, dir, signal));
  for await (const _ of runStage(curate, recipe, dir, signal));
  return dir;
}
async function pairsIn(path: string): Promise<PreferenceRow[]> {
  const rows: PreferenceRow[] = [];
  for await (const row of readJsonl(path, PreferenceRow)) rows.push(row);
  return rows;
}

test("all that may train are there, labelled and counted; those of the other sides are not", async () => {
  const dir = await make(recipeOf({ written: 1000 }, { contrast: 60 }));
  const offered = await pairsIn(dir.contrast);
  const pairs = await pairsIn(dir.dataset.preference);
  expect(pairs.length).toBeGreaterThan(10);
  const byId = new Map(offered.map((pair) => [pair.id, pair]));
  for (const pair of pairs) {
    expect(pair).toEqual(byId.get(pair.id));
    expect(pair.tags).toMatchObject({ source: "written", synthetic: true });
    expect(pair.meta).toMatchObject({
      licence: expect.stringContaining(TERMS) as string,
      written: {
        model: "scripted",
        prompt: expect.stringMatching(/^contrast(-weather)?@[0-9a-f]{8}$/) as string,
      },
    });
  }

  const heldBack = new Set<string>();
  for (const side of ["valid", "test"] as const)
    for await (const row of readJsonl(dir.dataset[side], ConversationRow))
      heldBack.add(row.meta.split_key);
  const sideways = ({ meta }: PreferenceRow): boolean =>
    heldBack.has(meta.split_key) || /^(valid|test):/.test(meta.split_key);
  expect(pairs.filter(sideways)).toEqual([]);
  const left = offered.filter(({ id }) => !pairs.some((pair) => pair.id === id));
  expect(left.filter(sideways).length).toBeGreaterThan(3);

  const stats = DatasetStats.parse(JSON.parse(await readFile(dir.dataset.stats, "utf8")));
  const { kinds, rejected } = stats.preference!;
  expect(Object.keys(kinds)).toEqual(["written grounded-not-invented", "written voiced-not-bland"]);
  expect(countWrittenPairs(kinds)).toBe(pairs.length);
  expect(Object.values(rejected).reduce((a, b) => a + b, 0)).toBe(left.length);
  expect(rejected["pair: not for training"]).toBe(left.filter(sideways).length);
  const manifest = (await readManifest(dir, "curate"))!;
  expect(manifest.counts).toMatchObject({
    preference: pairs.length,
    "written-pairs": offered.length,
  });
  const card = await readFile(dir.dataset.card, "utf8");
  expect(card).toContain(
    `| written grounded-not-invented | ${kinds["written grounded-not-invented"]} |`,
  );
  expect(card).toContain(
    `In ${pairs.length} of them the worse answer was written for it by \`scripted\``,
  );

  // Fewer are some of them, the rest as it was, and nobody is asked again.
  const asked = server.requests.length;
  await make(recipeOf({ written: 7, voice: 5 }, { contrast: 60 }));
  const fewer = await pairsIn(dir.dataset.preference);
  const written = fewer.filter(({ meta }) => meta.written);
  expect([fewer.length, written.length]).toEqual([12, 7]);
  for (const pair of written) expect(pairs).toContainEqual(pair);
  expect(await pairsIn(dir.contrast)).toEqual(offered);
  expect(server.requests).toHaveLength(asked);

  // Not asked for, they stay beside the dataset.
  await make(recipeOf({ voice: 5 }, { contrast: 60 }));
  expect((await pairsIn(dir.dataset.preference)).map((row) => kindOf(row))).not.toContainEqual(
    expect.stringContaining("written"),
  );
});

test("a recipe that wants them and asks nobody for them is told before anything runs", async () => {
  const dir = runDir(join(folder, "none"));
  const { signal } = new AbortController();
  const wants = recipeOf({ written: 3 }, { hybrid: 3 });
  const invalid = { code: "recipe/invalid", hint: expect.stringContaining("contrast") as string };
  await expect(curate.check!(wants, dir, signal)).rejects.toMatchObject(invalid);
  delete wants.curate.written;
  await expect(curate.check!(wants, dir, signal)).rejects.toMatchObject(invalid);
  await expect(
    curate.check!(recipeOf({ written: 3 }, { contrast: 3 }), dir, signal),
  ).resolves.toBeUndefined();
});

const pair = (id: string, key: string): Preference => ({
  id,
  prompt: [{ role: "user", content: id }],
  chosen: [{ role: "assistant", content: "Rain, with opinions." }],
  rejected: [{ role: "assistant", content: "Precipitation is expected." }],
  tags: { persona: "twain", domain: "tool", source: "written", synthetic: true },
  meta: { parents: [], licence: "CC0-1.0", split_key: key },
});

test("as many as are wanted and there are, of the keys that train; the others are told of where any are wanted", () => {
  const pairs = ["a", "b", "c", "d", "e"].map((id, i) => pair(id, i < 3 ? "ours" : "theirs"));
  const draw = (count: number): { ids: string[]; told: number } => {
    let told = 0;
    const drawn = drawWrittenPairs(pairs, {
      count,
      isTrained: (key) => key === "ours",
      rejected: () => told++,
      random: createRandom(1),
    });
    return { ids: drawn.map(({ id }) => id).toSorted(), told };
  };
  expect(draw(0)).toEqual({ ids: [], told: 0 });
  expect(draw(2)).toMatchObject({ ids: { length: 2 }, told: 2 });
  expect(draw(9)).toEqual({ ids: ["a", "b", "c"], told: 2 });
});

test("people's votes on what a model wrote are people's", () => {
  const vote = pair("v", "k");
  const written = { model: "m", prompt: "hybrid@1", sample: 0, request: "r", terms: "t" };
  expect(kindOf(vote)).toBe("human");
  expect(kindOf({ meta: { ...vote.meta, template: "hybrid:x", written } })).toBe("human");
  expect(kindOf({ meta: { ...vote.meta, template: "contrast-bland:joke:1", written } })).toBe(
    "written voiced-not-bland",
  );
});
