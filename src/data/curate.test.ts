import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeTextModel } from "../../test/fakes/onnx-text-model.ts";
import { ConversationRow } from "../core/conversation.ts";
import { Document } from "../core/document.ts";
import type { RunEvent } from "../core/events.ts";
import { readJsonl } from "../core/jsonl.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { runStage } from "../core/stage.ts";
import { ToolCase } from "../core/tool-case.ts";
import { collect } from "./collect.ts";
import { curate } from "./curate.ts";
import { why } from "./why.ts";
import { testBook } from "./sources/test-book.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-curate-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const training = { steps: 1, learningRate: 1e-3 };

function recipeOf(sources: unknown[], curateConfig: Record<string, unknown> = {}): Recipe {
  return parseRecipe(
    {
      name: "t",
      data: { root: folder, sources },
      curate: { episodes: { train: 60, cases: 4 }, drills: 40, ...curateConfig },
      base: { kind: "scratch", training },
      train: training,
    },
    "test",
  );
}

async function run(recipe: Recipe, name: string): Promise<{ dir: RunDir; events: RunEvent[] }> {
  const dir = runDir(join(folder, name));
  const events: RunEvent[] = [];
  const signal = new AbortController().signal;
  for await (const event of runStage(collect, recipe, dir, signal)) events.push(event);
  for await (const event of runStage(curate, recipe, dir, signal)) events.push(event);
  return { dir, events };
}

async function contents(...folders: string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const root of folders) {
    for (const name of await readdir(root))
      if (name !== "manifest.json") found[name] = await readFile(join(root, name), "utf8");
  }
  return found;
}

async function makeBooks(): Promise<unknown> {
  // Four works of one author: enough keys to give one to validation and one to test.
  const works = [9001, 9002, 9003, 9004].map((id) => ({
    id,
    title: "The Slow Boat",
    author: "Ada Finch",
    role: "style",
    persona: "twain",
  }));
  for (const [i, { id }] of works.entries()) {
    await mkdir(join(folder, "gutenberg", String(id)), { recursive: true });
    // Other words in every work, or the copies would go.
    const text = testBook({ id })
      .replaceAll(/\b(day|river|captain|chickens|supper|morning|fog)\b/g, `$1${"abcd"[i]}`)
      .replaceAll(
        / (the|a|it|had|and|of) /g,
        (_, word: string) => ` ${word} ${["old", "far", "dim", "odd"][i]} `,
      );
    await writeFile(join(folder, "gutenberg", String(id), `${id}-0.txt`), text);
  }
  return { kind: "gutenberg", works };
}

test("from documents to a dataset: valid rows, no work on two sides, every record explained, equal bytes", async () => {
  const recipe = recipeOf(
    [{ kind: "bundled", sets: ["franklin", "headlines"] }, await makeBooks()],
    { maxLoss: 0.5, dedup: { onLoss: "report" } },
  );
  const { dir, events } = await run(recipe, "one");
  const side = new Map<string, string>();
  let rows = 0;
  for (const name of ["train", "valid", "test"] as const) {
    for await (const row of readJsonl(dir.dataset[name], ConversationRow)) {
      rows++;
      expect(side.get(row.meta.split_key) ?? name, row.meta.split_key).toBe(name);
      side.set(row.meta.split_key, name);
    }
  }
  const kept = new Set<string>();
  for await (const document of readJsonl(dir.curated, Document)) kept.add(document.id);
  const ledger = (await readFile(dir.ledger, "utf8"))
    .trim()
    .split("\n")
    .map(
      (line) =>
        JSON.parse(line) as {
          id: string;
          chunks?: string[];
          verdicts: { verdict: string; reason?: string }[];
        },
    );
  for (const line of ledger) {
    const dropped = line.verdicts.at(-1)!.verdict === "drop";
    expect(kept.has(line.id), line.id).toBe(!dropped && line.chunks === undefined);
    if (dropped) expect(line.verdicts.at(-1)!.reason).toBeTruthy();
  }
  expect(ledger.find(({ id }) => id === "gutenberg:9001")!.chunks).toContain("gutenberg:9001#1");
  for await (const row of readJsonl(dir.dataset.toolCases, ToolCase))
    expect(row.messages.length).toBeGreaterThan(0);
  const stats = JSON.parse(await readFile(dir.dataset.stats, "utf8")) as {
    rows: Record<string, number>;
    documents: { kept: number };
  };
  expect(stats.rows.train! + stats.rows.valid! + stats.rows.test!).toBe(rows);
  expect(stats.rows.base).toBeGreaterThan(0);
  expect(stats.documents.kept).toBe(kept.size);
  expect(await readFile(dir.dataset.card, "utf8")).toContain("CC0-1.0");
  expect(events.filter((event) => event.type === "tally").map((event) => event.step)).toContain(
    "near-dedup",
  );

  const { dir: again } = await run(recipe, "two");
  expect(await contents(again.dataset.root, join(again.root, "curate"))).toEqual(
    await contents(dir.dataset.root, join(dir.root, "curate")),
  );
});

test("how many threads judge decides no byte, and is no reason to curate again", async () => {
  const sources = [{ kind: "bundled", sets: ["franklin", "headlines"] }, await makeBooks()];
  const withWorkers = (workers: number): Recipe =>
    recipeOf(sources, { maxLoss: 0.5, dedup: { onLoss: "report" }, workers });
  const [one, two] = [await run(withWorkers(1), "one"), await run(withWorkers(2), "two")];
  const files = ({ dir }: { dir: RunDir }): Promise<Record<string, string>> =>
    contents(dir.dataset.root, join(dir.root, "curate"));
  expect(Object.keys(await files(one))).toContain("ledger.jsonl");
  expect(await files(two)).toEqual(await files(one));
  const again = await run(withWorkers(3), "two");
  expect(again.events.filter(({ type }) => type === "stage-skip")).toHaveLength(2);
}, 120_000);

test("a source that is wiped out stops the run and leaves the ledger to tell why", async () => {
  await mkdir(join(folder, "reddit"));
  const titles = Array.from(
    { length: 50 },
    (_, i) =>
      `p${i},${i % 2 ? `What is item ${i} in this sub?` : `Man Number ${i} Waits For Rain In Vain`},TheOnion`,
  );
  await writeFile(
    join(folder, "reddit", "posts.csv"),
    ["id,title,subreddit", ...titles].join("\n"),
  );
  await expect(
    run(recipeOf([{ kind: "reddit-csv", files: ["posts.csv"] }]), "wiped"),
  ).rejects.toMatchObject({
    code: "curate/source-wiped",
    message: expect.stringContaining("25 headline-shape: about the forum") as string,
  });
  expect((await readFile(runDir(join(folder, "wiped")).ledger, "utf8")).split("\n")).toHaveLength(
    51,
  );
  expect(await readdir(join(folder, "wiped"))).not.toContain("dataset");
});

test("a row that says what an evaluation asks is not trained on, and its line tells why", async () => {
  const plain = recipeOf([{ kind: "bundled", sets: ["franklin", "headlines"] }]);
  const { dir: before } = await run(plain, "before");
  const rows: ConversationRow[] = [];
  for await (const row of readJsonl(before.dataset.train, ConversationRow)) rows.push(row);
  const secret = rows.find(
    ({ tags, messages }) => tags.domain === "literary" && messages.at(-1)!.content!.length > 100,
  )!;
  const file = join(folder, "own.jsonl");
  await writeFile(
    file,
    `${JSON.stringify({ id: "q1", prompt: secret.messages.at(-1)!.content })}\n`,
  );

  const { dir } = await run(
    recipeOf(plain.data.sources, { decontaminate: { files: [file] } }),
    "after",
  );
  const left = await readFile(dir.dataset.train, "utf8");
  expect(left).not.toContain(`"id":"${secret.id}"`);
  const lines = (await readFile(dir.contaminated, "utf8")).trim().split("\n");
  expect(left.trim().split("\n")).toHaveLength(rows.length - lines.length);
  const stats = JSON.parse(await readFile(dir.dataset.stats, "utf8")) as {
    rows: Record<string, number>;
  };
  expect(stats.rows.train).toBe(rows.length - lines.length);
  const story = await why(dir, secret.id, new AbortController().signal);
  expect(story).toMatchObject({
    type: "record",
    outcome: "dropped",
    reason: "decontaminate: same text in own.jsonl",
    cutFrom: secret.meta.parents,
    verdicts: [{ match: { set: "own.jsonl", item: "q1" } }],
  });
});

/** Posts of one forum: 40 that nothing is like, and these. */
async function writePosts(titles: readonly string[]): Promise<unknown[]> {
  await mkdir(join(folder, "reddit"));
  const fillers = Array.from({ length: 40 }, (_, i) => `Number ${i} And ${i * 37} Open Nothing`);
  const rows = [...titles, ...fillers].map((title, i) => `p${i},${title},TheOnion`);
  await writeFile(join(folder, "reddit", "posts.csv"), ["id,title,subreddit", ...rows].join("\n"));
  return [
    { kind: "reddit-csv", files: ["posts.csv"], humorous: ["TheOnion"] },
    { kind: "bundled", sets: ["headlines"] },
  ];
}
const axes = (...places: number[]): number[] =>
  Array.from({ length: 8 }, (_, k) => (places.includes(k) ? 1 : 0));

test("models in local folders judge texts: the ledger has their numbers, and another model is another dataset", async () => {
  const sources = await writePosts([
    // Fewer capitals among its letters: the better text.
    "Burgomaster Unveils Viaduct In Drizzle",
    "Mayor Opens Bridge In Rain",
    "Mayor Opens Bridge In Fog",
    "Local Scoundrel Calls Scoundrel A Scoundrel",
  ]);
  const words = {
    mayor: axes(0),
    burgomaster: axes(0),
    opens: axes(1),
    unveils: axes(1),
    bridge: axes(2),
    viaduct: axes(2),
    rain: axes(3),
    drizzle: axes(3),
    fog: axes(4),
    scoundrel: axes(5),
  };
  const embedder = await writeTextModel(join(folder, "embedder"), { words, output: "tokens" });
  const classifier = await writeTextModel(join(folder, "classifier"), {
    words,
    output: "logits",
    weights: axes(5).map((x) => [x * 20]),
    bias: [-4],
    labels: ["toxic"],
  });
  const recipe = recipeOf(sources, {
    toxicity: { model: classifier },
    dedup: { embeddings: { model: embedder, kinds: ["headline"] } },
    maxLoss: 0.5,
  });
  const { dir, events } = await run(recipe, "models");
  const tell = (id: string): Promise<unknown> =>
    why(dir, `reddit:TheOnion:${id}`, new AbortController().signal);
  expect(await tell("p1")).toMatchObject({
    outcome: "dropped",
    reason: "embedding-dedup: same meaning",
    duplicateOf: [{ id: "reddit:TheOnion:p0", outcome: "kept" }],
    text: "Mayor Opens Bridge In Rain",
  });
  const story = (await tell("p1")) as { verdicts: { step: string; numbers?: unknown }[] };
  expect(story.verdicts.at(-1)!.numbers).toEqual({ similarity: 1 });
  expect(await tell("p0")).toMatchObject({ copies: [{ id: "reddit:TheOnion:p1" }] });
  expect(await tell("p2")).toMatchObject({ outcome: "kept" });
  expect(await tell("p3")).toMatchObject({
    outcome: "dropped",
    reason: "toxicity: toxic",
    text: "Local Scoundrel Calls Scoundrel A Scoundrel",
  });
  const kept = (await tell("p2")) as typeof story;
  expect(kept.verdicts.find(({ step }) => step === "toxicity")!.numbers).toEqual({ toxic: 0.018 });
  expect(events).toContainEqual(
    expect.objectContaining({
      type: "tally",
      step: "embedding-dedup",
      dropped: { "same meaning": expect.any(Number) as number },
    }),
  );
  expect(await readdir(join(dir.root, "curate"))).toEqual(
    expect.not.arrayContaining([expect.stringContaining("spool")]) as string[],
  );

  const { dir: again } = await run(recipe, "again");
  expect(await contents(again.dataset.root, join(again.root, "curate"))).toEqual(
    await contents(dir.dataset.root, join(dir.root, "curate")),
  );
  const skipped = async (): Promise<boolean> =>
    (await run(recipe, "models")).events.some(
      (event) => event.type === "stage-skip" && event.stage === "curate",
    );
  expect(await skipped()).toBe(true);
  await writeTextModel(join(folder, "embedder"), {
    words: { ...words, drizzle: axes(6) },
    output: "tokens",
  });
  expect(await skipped()).toBe(false);
  expect(await tell("p1")).toMatchObject({ outcome: "kept" });
}, 120_000);

test("a model's folder that is wrong is told before anything runs", async () => {
  const { signal } = new AbortController();
  const check = (settings: Record<string, unknown>): Promise<unknown> =>
    curate.check!(recipeOf([{ kind: "bundled" }], settings), runDir(join(folder, "none")), signal);
  const model = await writeTextModel(join(folder, "embedder"), {
    words: { rain: [1, 2] },
    output: "tokens",
  });
  await check({ dedup: { embeddings: { model } } });
  await expect(check({ toxicity: { model } })).rejects.toMatchObject({
    code: "curate/model-unfit",
  });
  const none = join(folder, "none");
  for (const settings of [
    { toxicity: { model: none } },
    { dedup: { embeddings: { model: none } } },
  ])
    await expect(check(settings)).rejects.toMatchObject({ code: "curate/model-missing" });
});

test("a source that one meaning wipes out stops the run, as near duplicates do", async () => {
  const sources = await writePosts(
    Array.from({ length: 40 }, (_, i) => `Mayor ${i} Opens ${i * 53} Bridges`),
  );
  const words = { mayor: [1, 0], opens: [1, 0], nothing: [0, 1] };
  const model = await writeTextModel(join(folder, "embedder"), { words, output: "tokens" });
  const settings = (onLoss: string): Record<string, unknown> => ({
    maxLoss: 1,
    dedup: { onLoss, embeddings: { model, kinds: ["headline"] } },
  });
  await expect(run(recipeOf(sources, settings("stop")), "wiped")).rejects.toMatchObject({
    code: "curate/source-wiped",
    message: expect.stringContaining("as near duplicates") as string,
  });
  const { events } = await run(recipeOf(sources, settings("report")), "told");
  expect(events).toContainEqual(
    expect.objectContaining({
      type: "notice",
      message: expect.stringContaining("as near duplicates") as string,
    }),
  );
}, 120_000);
