import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFileAtomic } from "./atomic-file.ts";
import type { RunEvent } from "./events.ts";
import { type Recipe, parseRecipe } from "./recipe.ts";
import { type RunDir, runDir } from "./run-dir.ts";
import { type Stage, readManifest, runStage } from "./stage.ts";

const recipe: Recipe = parseRecipe(
  {
    name: "x",
    data: { sources: [{ kind: "none" }] },
    base: { kind: "folder", path: "." },
    train: { steps: 1, learningRate: 1 },
  },
  "test",
);

let root = "";
let dir: RunDir;
let runs = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "twainbot-stage-"));
  dir = runDir(join(root, "x"));
  runs = 0;
});
afterEach(() => rm(root, { recursive: true }));

/** Writes one file that says its config and what the stage before wrote. */
const stage = (
  name: "collect" | "curate",
  config: unknown,
  needs: Stage["needs"] = [],
  fail = false,
): Stage => ({
  name,
  needs,
  config: () => config,
  async *run(context) {
    runs++;
    yield { type: "notice", stage: name, message: "working" } satisfies RunEvent;
    if (fail) throw new Error("killed");
    const before = await Promise.all(
      needs.map((need) => readFile(join(context.dir.root, `${need}.txt`), "utf8")),
    );
    const path = join(context.dir.root, `${name}.txt`);
    await writeFileAtomic(path, JSON.stringify([config, before]));
    return { outputs: [path], counts: { files: 1 } };
  },
});

async function events(of: Stage): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of runStage(of, recipe, dir, new AbortController().signal))
    seen.push(event.type);
  return seen;
}

test("a stage whose files outside the run are damaged is not up to date, until they are whole again", async () => {
  let whole = true;
  const outside: Stage = { ...stage("collect", { a: 1 }), intact: () => Promise.resolve(whole) };
  expect(await events(outside)).toContain("stage-end");
  expect(await events(outside)).toEqual(["stage-skip"]);
  whole = false;
  expect(await events(outside)).toContain("stage-end");
  whole = true;
  expect(await events(outside)).toEqual(["stage-skip"]);
});

test("a finished stage is skipped, until its config, its output or its input changes", async () => {
  const first = stage("collect", { a: 1 });
  const second = stage("curate", { b: 1 }, ["collect"]);
  expect(await events(first)).toEqual(["stage-start", "notice", "stage-end"]);
  expect(await events(second)).toContain("stage-end");
  expect(await events(first)).toEqual(["stage-skip"]);
  expect(await events(second)).toEqual(["stage-skip"]);
  // The same values in another order are the same config.
  expect(await events(stage("curate", Object.fromEntries([["b", 1]]), ["collect"]))).toEqual([
    "stage-skip",
  ]);

  expect(await events(stage("collect", { a: 2 }))).toContain("stage-end");
  expect(await events(second)).toContain("stage-end");

  await writeFile(join(dir.root, "curate.txt"), "tampered");
  expect(await events(second)).toContain("stage-end");
  expect(runs).toBe(5);
});

test("an output aside must be whole, and its change makes no later stage run anew", async () => {
  const withAside = (aside: string, main: string): Stage => ({
    ...stage("collect", [aside, main]),
    async *run({ dir: { root: at } }) {
      const [path, card] = [join(at, "collect.txt"), join(at, "card.txt")];
      await writeFileAtomic(path, main);
      await writeFileAtomic(card, aside);
      yield { type: "notice", stage: "collect", message: "working" } satisfies RunEvent;
      return { outputs: [path], asides: [card], counts: {} };
    },
  });
  const second = stage("curate", {}, ["collect"]);
  await events(withAside("one", "rows"));
  await events(second);
  expect(await events(withAside("another", "rows"))).toContain("stage-end");
  expect(await events(second)).toEqual(["stage-skip"]);
  await writeFile(join(dir.root, "card.txt"), "tampered");
  expect(await events(withAside("another", "rows"))).toContain("stage-end");
  await events(withAside("another", "other rows"));
  expect(await events(second)).toContain("stage-end");
});

test("a stage that fails leaves no manifest, and the next run does it again", async () => {
  await expect(events(stage("collect", {}, [], true))).rejects.toThrow("killed");
  expect(await readManifest(dir, "collect")).toBeUndefined();
  expect(await events(stage("collect", {}))).toContain("stage-end");
});

test("a stage whose predecessor is missing says which", async () => {
  await expect(events(stage("curate", {}, ["collect"]))).rejects.toMatchObject({
    code: "core/stage-missing",
    message: expect.stringContaining("collect"),
  });
});

test("every event is in events.jsonl as well", async () => {
  await events(stage("collect", {}));
  const lines = (await readFile(dir.events, "utf8"))
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as RunEvent).type);
  expect(lines).toEqual(["stage-start", "notice", "stage-end"]);
});
