import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFileAtomic } from "./atomic-file.ts";
import type { RunEvent, StageName } from "./events.ts";
import { packageRoot } from "./package-root.ts";
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

test("what a real kill left half-written goes when its stage runs again, whatever the stage", async () => {
  const files: [StageName, string][] = [
    ["collect", "collect/documents/0-files.jsonl"],
    ["curate", "curate/ledger.jsonl"],
    ["curate", "dataset/train.jsonl"],
    ["base", "base/model/model.safetensors"],
    ["dapt", "dapt/checkpoints/000100.safetensors"],
    ["train", "train/adapter/adapter_model.safetensors"],
    ["preference", "preference/reference.jsonl"],
    ["evaluate", "evaluate/report.json"],
  ];
  const paths = files.map(([, file]) => join(dir.root, file));
  const script = join(root, "kill.mts");
  await writeFile(
    script,
    `import { writeFileAtomic } from ${JSON.stringify(join(packageRoot(), "src/core/atomic-file.ts"))};
    const paths = ${JSON.stringify(paths)};
    let open = 0;
    for (const path of paths)
      void writeFileAtomic(path, async (file) => {
        await file.writeFile("half");
        if (++open === paths.length) process.kill(process.pid, "SIGKILL");
        await new Promise(() => undefined);
      });`,
  );
  const child = spawn(process.execPath, ["--import", "tsx", script], { cwd: packageRoot() });
  const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  expect(await ended).toBe("SIGKILL");
  const left = (path: string): Promise<string[]> => readdir(dirname(path));
  for (const path of paths)
    expect(await left(path)).toEqual([expect.stringMatching(/\.[0-9a-f]{8}\.tmp$/)]);
  for (const name of new Set(files.map(([of]) => of)))
    await events({ ...stage("collect", {}), name });
  for (const path of paths)
    expect((await left(path)).filter((file) => file !== "manifest.json")).toEqual([]);
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
