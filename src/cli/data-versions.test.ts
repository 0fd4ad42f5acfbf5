/** `data tag`, `data versions`, `data diff` and `data verify` on two runs, as a user would do it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Conversation } from "../core/conversation.ts";
import { writeJsonl } from "../core/jsonl.ts";
import { createRandom } from "../core/random.ts";
import { packageRoot } from "../core/package-root.ts";
import { conversation, talk, twoCalls } from "../data/exports/test-conversations.ts";
import { makeEpisodes } from "../data/synth/episodes.ts";
import type { RowWorld } from "../data/synth/simulator.ts";
import { openSynthSources } from "../data/synth/synth-sources.ts";
import type { EvalReport } from "../evals/report.ts";
import type { Command } from "./command.ts";
import { command as diff } from "./data-diff.ts";
import { command as tag } from "./data-tag.ts";
import { command as verify } from "./data-verify.ts";
import { command as versions } from "./data-versions.ts";
import type { DiffDocument } from "./diff-text.ts";
import { loadRecipe } from "./load-recipe.ts";
import { type Splits, writeReport, writeRun } from "./test-run.ts";

let runs: string;
beforeEach(async () => {
  runs = await mkdtemp(join(tmpdir(), "twainbot-data-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(runs, { recursive: true, force: true });
});

async function told(command: Command, ...args: string[]): Promise<string> {
  const { text, code } = await ran(command, ...args);
  expect(code).toBe(0);
  return text;
}

async function ran(command: Command, ...args: string[]): Promise<{ text: string; code: number }> {
  let text = "";
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((data) => {
    text += String(data);
    return true;
  });
  const code = await command.start([...args, "--runs", runs], new AbortController().signal);
  spy.mockRestore();
  return { text, code };
}

const named = (id: string, of: Conversation = talk): Conversation => ({ ...of, id });
const before: Splits = {
  train: [named("a", twoCalls), named("b")],
  valid: [named("c")],
  test: [named("d")],
};
const reddit = conversation(talk.messages, { licence: "reddit (not redistributed)" });
const after: Splits = { ...before, train: [...before.train, named("e", reddit)] };

const report = (value: number): EvalReport => ({
  schema: 1,
  systems: ["base", "adapter"],
  scores: [
    {
      task: "tools",
      metric: "call-correct",
      system: "adapter",
      value,
      n: 200,
      low: value - 0.05,
      high: value + 0.05,
    },
  ],
  comparisons: [],
  gates: [],
});

test("a version outlives the dataset, and its scores stand beside those of the next", async () => {
  const dir = await writeRun(join(runs, "tiny"), before);
  await writeReport(dir, report(0.5));
  expect(await told(tag, "tiny", "v1")).toMatch(
    /^tiny@v1 = [0-9a-f]{12}, 4 rows; with its scores\n$/,
  );
  expect(await told(versions)).toMatch(/tiny +[0-9a-f]{12} .* now +same as tiny@v1\n$/);

  await writeRun(join(runs, "tiny"), after, ["curate.maxLoss=0.4"]);
  // The report that lies there is of the dataset before.
  expect(await told(diff, "tiny@v1", "tiny")).toContain("both must be trained and evaluated");
  await writeReport(dir, report(0.7));
  const document = JSON.parse(await told(diff, "tiny@v1", "tiny", "--json")) as DiffDocument;
  expect(document).toMatchObject({
    rows: { same: 4, relabelled: 0, renamed: 0, changed: 0, removed: 0, added: 1 },
    settings: [{ path: "curate.maxLoss", from: "0.3", to: "0.4" }],
    scores: [{ metric: "call-correct", from: { value: 0.5 }, to: { value: 0.7 }, apart: true }],
  });
  const text = await told(diff, "tiny@v1", "tiny");
  for (const line of [
    /ids: 1 added, 0 removed, 0 changed/,
    /added: e\n/,
    /curate\.maxLoss +0\.3 → 0\.4/,
    / reddit \(not redistributed\) +0 +1 +\+1/,
    /tools: call-correct +adapter +0\.500 \(0\.450–0\.550\) +0\.700 \(0\.650–0\.750\) +apart/,
  ])
    expect(text).toMatch(line);
});

test("a version tagged before its evaluation gets the scores once the run has them", async () => {
  const dir = await writeRun(join(runs, "tiny"), before);
  expect(await told(tag, "tiny", "v1")).toContain("not evaluated yet");
  await writeReport(dir, report(0.5));
  const { scores } = JSON.parse(await told(diff, "tiny", "tiny@v1", "--json")) as DiffDocument;
  expect(scores).toMatchObject([{ from: { value: 0.5 }, to: { value: 0.5 }, apart: false }]);
});

/** Episodes as curation makes them, and what their tools saw. */
async function episodes(): Promise<{ rows: Conversation[]; worlds: RowWorld[] }> {
  const { curate } = await loadRecipe("tiny", []);
  const { voices, world, split, splitKeys } = await openSynthSources(curate, 1);
  const rows: Conversation[] = [];
  const worlds: RowWorld[] = [];
  for await (const item of makeEpisodes(
    { voices, places: split.train, world },
    {
      count: 30,
      dialogues: 0.3,
      splitKeys,
      mix: undefined,
      renamed: 0,
      random: createRandom(1),
      signal: new AbortController().signal,
    },
  )) {
    if (item.to !== "dataset") continue;
    rows.push(item.row);
    worlds.push(item.world);
  }
  return { rows, worlds };
}

test("a version's tool calls can be run again after the run has another dataset", async () => {
  const { rows, worlds } = await episodes();
  const splits = { train: rows.slice(2), valid: rows.slice(0, 1), test: rows.slice(1, 2) };
  await writeRun(join(runs, "tiny"), splits, [], worlds);
  await told(tag, "tiny", "v1");
  // Of one row the answer to a question with a call is another's.
  const called = rows.filter(({ messages }) => messages.some(({ role }) => role === "tool"));
  const [bad, other] = [called[0]!, called[1]!];
  const wrong = { ...bad, messages: [...bad.messages.slice(0, -1), other.messages.at(-1)!] };
  const train = splits.train.map((row) => (row === bad ? wrong : row));
  const [valid, test] = [splits.valid, splits.test].map((side) =>
    side.map((row) => (row === bad ? wrong : row)),
  );
  await writeRun(join(runs, "tiny"), { train, valid: valid!, test: test! }, [], worlds);

  expect(await told(verify, "tiny@v1")).toMatch(
    new RegExp(
      `^tiny@v1 \\([0-9a-f]{12}\\)\n${rows.length} rows; ${rows.length} episodes .*\n.*\nevery one holds\n$`,
    ),
  );
  const now = await ran(verify, "tiny", "--json");
  expect(now.code).toBe(1);
  expect(JSON.parse(now.text)).toMatchObject({
    dataset: "tiny",
    episodes: rows.length,
    failed: [{ row: bad.id, reason: "unfaithful" }],
  });
});

test("a version from before versions kept what tools saw says so", async () => {
  await writeRun(join(runs, "tiny"), before);
  await told(tag, "tiny", "v1");
  await expect(ran(verify, "tiny@v1")).rejects.toMatchObject({
    code: "data/no-worlds",
    hint: expect.stringContaining("tag its dataset again"),
  });
});

test("the same dataset twice is said to be", async () => {
  await writeRun(join(runs, "tiny"), before);
  await told(tag, "tiny", "v1");
  expect(await told(tag, "tiny", "v1")).toContain("(it already was)");
  expect(await told(diff, "tiny", "tiny@v1")).toMatch(/^tiny and tiny@v1 are the same dataset, /);
});

test("a version that something else wrote into is named in the list, and is the same as nothing", async () => {
  const dir = await writeRun(join(runs, "tiny"), before);
  await told(tag, "tiny", "v1");
  await told(tag, "tiny", "v2");
  // Another file of that name: the run's own, a hard link, stays as it is.
  const file = join(dir.versions, "v1", "train.jsonl");
  await rm(file);
  await writeJsonl(file, []);
  const lines = (await told(versions)).split("\n");
  expect(lines[1]).toMatch(/^tiny@v1 .*damaged: train\.jsonl is not what was tagged$/);
  expect(lines[2]).not.toMatch(/damaged|same as/);
  expect(lines[3]).toMatch(/same as tiny@v2$/);
  const { datasets } = JSON.parse(await told(versions, "--json")) as {
    datasets: { damaged: string | null }[];
  };
  expect(datasets.map(({ damaged }) => damaged !== null)).toEqual([true, false, false]);
});

test("no runs at all", async () => {
  expect(await told(versions)).toContain("Make one: twainbot run nano.");
});

test("the commands of two words are found by both", async () => {
  const twainbot = async (...args: string[]): Promise<{ code: number; text: string }> => {
    const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {
      cwd: packageRoot(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data: Buffer) => (text += data.toString()));
    const [code] = (await once(child, "close")) as [number];
    return { code, text };
  };
  const [listed, half] = await Promise.all([
    twainbot("data", "versions", "--runs", runs),
    twainbot("data", "--runs", runs),
  ]);
  expect(listed).toMatchObject({ code: 0, text: expect.stringContaining("Make one:") });
  expect(half).toMatchObject({ code: 2, text: expect.stringContaining("twainbot data diff") });
});

describe("refused", () => {
  test("a dataset that was changed by hand has no version and no difference", async () => {
    const dir = await writeRun(join(runs, "tiny"), before);
    await writeJsonl(dir.dataset.train, []);
    const wrong = { code: "export/no-dataset", hint: "Make it first: twainbot run tiny." };
    await expect(told(tag, "tiny", "v1")).rejects.toMatchObject(wrong);
    await expect(told(diff, "tiny", "tiny")).rejects.toMatchObject(wrong);
  });

  test.each([
    [["nowhere", "tiny"], "cli/no-run", "there is no run nowhere"],
    [["nowhere@v1", "tiny"], "cli/no-run", "there is no run nowhere"],
    [["tiny@v1", "tiny"], "data/unknown-version", "has no version v1"],
    [["tiny"], "cli/usage", "the to is missing"],
  ])("%j", async (args, code, message) => {
    await writeRun(join(runs, "tiny"), before);
    await expect(told(diff, ...args)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test("a tag on a version", async () => {
    await expect(told(tag, "tiny@v1", "v2")).rejects.toMatchObject({
      code: "cli/usage",
      hint: "Tag a run: twainbot data tag tiny v2.",
    });
  });
});
