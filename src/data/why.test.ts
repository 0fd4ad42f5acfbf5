import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationRow } from "../core/conversation.ts";
import type { Document } from "../core/document.ts";
import { readJsonl, writeJsonl } from "../core/jsonl.ts";
import { parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { runStage } from "../core/stage.ts";
import { collect } from "./collect.ts";
import { curate } from "./curate.ts";
import { LedgerLine } from "./ledger.ts";
import type { RecordStory } from "./record-story.ts";
import { testBook } from "./sources/test-book.ts";
import { type RowStory, type Story, why } from "./why.ts";

let folder: string;
let dir: RunDir;
let ledger: LedgerLine[];
const signal = new AbortController().signal;
const tell = (id: string): Promise<Story> => why(dir, id, signal);
const tellRecord = async (id: string): Promise<RecordStory> => (await tell(id)) as RecordStory;

const TITLES = [
  "p1,Mayor Opens Bridge To Nowhere And Back",
  "p2,Nation Agrees To Disagree About Agreeing",
  "p3,Is the rain in this sub ever funny?",
  "p4,MAYOR OPENS Bridge To Nowhere And BACK!",
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-why-"));
  dir = runDir(join(folder, "run"));
  await mkdir(join(folder, "reddit"));
  await writeFile(
    join(folder, "reddit", "posts.csv"),
    ["id,title,subreddit,url", ...TITLES.map((line) => `${line},TheOnion,https://e.org/x`)].join(
      "\n",
    ),
  );
  await mkdir(join(folder, "gutenberg", "9001"), { recursive: true });
  await writeFile(
    join(folder, "gutenberg", "9001", "9001-0.txt"),
    testBook({ paragraphs: 40 }).replace(
      "THE END",
      "Short paragraph.\r\n\r\nCHAPTER II\r\n\r\nToo short.",
    ),
  );
  const training = { steps: 1, learningRate: 1e-3 };
  const work = {
    id: 9001,
    title: "The Slow Boat",
    author: "Ada Finch",
    role: "style",
    persona: "twain",
  };
  const recipe = parseRecipe(
    {
      name: "t",
      data: {
        root: folder,
        sources: [
          { kind: "gutenberg", works: [work] },
          { kind: "reddit-csv", files: ["posts.csv"], humorous: ["TheOnion"] },
          { kind: "bundled", sets: ["headlines", "neutral"] },
        ],
      },
      curate: {
        episodes: { train: 60, cases: 4 },
        drills: 40,
        maxLoss: 1,
        dedup: { onLoss: "report" },
      },
      base: { kind: "scratch", training },
      train: training,
    },
    "test",
  );
  for await (const _ of runStage(collect, recipe, dir, signal));
  for await (const _ of runStage(curate, recipe, dir, signal));
  ledger = [];
  for await (const line of readJsonl(dir.ledger, LedgerLine)) ledger.push(line);
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Rows of the dataset that name one of the records, by reading every file whole. */
async function rowsOf(ids: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const { train, valid, test: testFile, base, baseValid } = dir.dataset;
  for (const path of [train, valid, testFile, base, baseValid])
    for (const text of (await readFile(path, "utf8")).trim().split("\n")) {
      const row = ConversationRow.parse(JSON.parse(text));
      if (row.meta.parents.some((parent) => ids.includes(parent))) found.push(row.id);
    }
  return found;
}

test("a rejected record: its text, where it came from, every verdict up to the one that ended it", async () => {
  expect(await tellRecord("reddit:TheOnion:p3")).toMatchObject({
    outcome: "dropped",
    reason: "headline-shape: about the forum",
    text: "Is the rain in this sub ever funny?",
    source: "reddit-csv",
    licence: expect.stringContaining("reddit") as string,
    url: "https://e.org/x",
    verdicts: ledger.find(({ id }) => id === "reddit:TheOnion:p3")!.verdicts,
    rows: [],
  });
});

test("a duplicate names the record that was kept for it, and that one names the duplicate", async () => {
  const [gone, stays] = await Promise.all(
    ["p1", "p4"].map((id) => tellRecord(`reddit:TheOnion:${id}`)),
  ).then((both) => both.toSorted((a, b) => a.outcome.localeCompare(b.outcome)));
  expect(gone!.duplicateOf).toEqual([{ id: stays!.id, outcome: "kept" }]);
  expect(gone!.text).toMatch(/bridge to nowhere/i);
  expect(stays!.copies).toEqual([
    { id: gone!.id, outcome: "dropped", reason: "exact-dedup: exact duplicate" },
  ]);
  expect(stays!.rows!.map(({ id }) => id)).toEqual([`instruction-${stays!.id}-0`]);
  expect(stays!.rows![0]!.says).toBe(stays!.text);
});

test("a book: the fate of every chunk, and the rows of them all with their splits", async () => {
  const book = await tellRecord("gutenberg:9001");
  const lines = ledger.filter((line) => line.parent === "gutenberg:9001");
  expect(book).toMatchObject({ outcome: "cut", title: "The Slow Boat", author: "Ada Finch" });
  expect(book.chunks.map(({ id }) => id)).toEqual(lines.map(({ id }) => id));
  expect(book.chunks.filter(({ outcome }) => outcome === "dropped").length).toBeGreaterThan(0);
  expect(book.text).toBeUndefined();
  expect(book.rows!.length).toBeGreaterThan(0);
  expect(book.rows!.map(({ id }) => id)).toEqual(await rowsOf(lines.map(({ id }) => id)));
});

test("every chunk can be read, kept or not, and says what book it is from", async () => {
  const words = testBook({ paragraphs: 40 }).split(/\s+/).join(" ");
  const { chunks } = await tellRecord("gutenberg:9001");
  for (const outcome of ["kept", "dropped"]) {
    const chunk = await tellRecord(chunks.find((each) => each.outcome === outcome)!.id);
    expect(chunk).toMatchObject({ author: "Ada Finch", cutFrom: ["gutenberg:9001"], chunks: [] });
    expect(chunk.text!.length).toBeGreaterThan(5);
    expect(words).toContain(chunk.text!.split(/\s+/).join(" "));
    expect(chunk.rows!.map(({ id }) => id)).toEqual(await rowsOf([chunk.id]));
  }
});

test("a row: its split, template, split key, and its parents with their work", async () => {
  const line = (await tellRecord("gutenberg:9001")).rows![0]!;
  const row = (await tell(line.id)) as RowStory;
  expect(row).toMatchObject({
    type: "row",
    split: line.split,
    meta: { template: line.template, split_key: "gutenberg:9001", parents: [line.parent] },
    parents: [{ id: line.parent, kind: "passage", outcome: "kept", title: "The Slow Boat" }],
  });
  expect(row.messages.at(-1)!.content).toContain(line.says.replace(/ …$/, "").split(" ")[0]);
  expect(await tell("no-tool-0000")).toMatchObject({
    type: "case",
    slice: "no-tool",
    expected: [],
  });
  const text = ledger.find(
    ({ kind, verdicts }) => kind === "weather-answer" && verdicts.at(-1)!.verdict === "keep",
  )!;
  expect(((await tell(text.id)) as RecordStory).rows!.map(({ split }) => split)).toContainEqual(
    expect.stringMatching(/^base/),
  );
});

test("an id may be cut short where only one begins so; else the error names the first, or the nearest", async () => {
  const refusal = (id: string): Promise<unknown> =>
    tell(id).then(
      () => undefined,
      (error: unknown) => error,
    );
  expect((await tell("instruction-gutenberg:9001#1-")).id).toBe("instruction-gutenberg:9001#1-0");
  // The whole id counts before those that it begins.
  expect((await tell("gutenberg:9001#1")).id).toBe("gutenberg:9001#1");
  expect(await refusal("reddit:The")).toMatchObject({
    code: "data/ambiguous-id",
    message: "4 ids begin with reddit:The",
    hint: expect.stringContaining("reddit:TheOnion:p1, reddit:TheOnion:p2") as string,
  });
  expect(await refusal("gutenburg:9001")).toMatchObject({
    code: "data/unknown-id",
    hint: expect.stringContaining("Nearest: gutenberg:9001,") as string,
  });
  expect(await refusal("Onion:p3")).toMatchObject({
    hint: "Nearest: reddit:TheOnion:p3.",
  });
});

/** A run that stopped: a ledger by hand, no manifest. */
async function stopped(
  lines: readonly Partial<LedgerLine>[],
  collected: readonly Document[],
): Promise<RunDir> {
  const at = runDir(await mkdtemp(join(folder, "stopped-")));
  const whole = lines.map((line) => ({
    source: "s",
    licence: "l",
    kind: "headline",
    verdicts: [],
    ...line,
  }));
  await writeJsonl(at.ledger, whole);
  await writeJsonl(join(at.documents, "0-s.jsonl"), collected);
  return at;
}
const headline = (id: string, text: string): Document => ({
  id,
  kind: "headline",
  text,
  source: "s",
  licence: "l",
  sha256: "",
  synthetic: false,
  extra: {},
});

test("a run that stopped: records with their text, chains of duplicates, second records of one id, no rows", async () => {
  const duplicate = { step: "exact-dedup", verdict: "drop", reason: "exact duplicate" } as const;
  const at = await stopped(
    [
      { id: "a", mergedWith: "b", verdicts: [duplicate] },
      { id: "a~2", text: "as judged", verdicts: [duplicate] },
      { id: "b", mergedWith: "c", verdicts: [{ ...duplicate, step: "near-dedup" }] },
      { id: "c" },
    ],
    [headline("a", "first"), headline("b", "other"), { ...headline("a", "second"), title: "T2" }],
  );
  const story = await why(at, "a", signal);
  // A ledger from before texts were in it.
  expect(story).toMatchObject({
    text: "first",
    duplicateOf: [
      { id: "b", outcome: "dropped" },
      { id: "c", outcome: "kept" },
    ],
  });
  expect(story).not.toHaveProperty("rows");
  expect(await why(at, "a~2", signal)).toMatchObject({ text: "as judged", title: "T2" });
  await expect(why(at, "episode-000000", signal)).rejects.toThrow("not finished");
});

test("a row made twice names the one that was kept, unless that one went too", async () => {
  const twice = {
    kind: "row",
    mergedWith: "episode-1",
    text: "user: Hello.",
    verdicts: [{ step: "verify", verdict: "drop", reason: "duplicate" }],
  } satisfies Partial<LedgerLine>;
  const kept = await stopped([{ id: "episode-2", ...twice }], []);
  expect(await why(kept, "episode-2", signal)).toMatchObject({
    outcome: "dropped",
    reason: "verify: duplicate",
    text: "user: Hello.",
    duplicateOf: [{ id: "episode-1", outcome: "kept" }],
  });
  const over = { step: "balance", verdict: "drop", reason: "over-its-share" } as const;
  const gone = await stopped(
    [
      { id: "episode-2", ...twice },
      { id: "episode-1", kind: "row", verdicts: [over] },
    ],
    [],
  );
  expect(await why(gone, "episode-2", signal)).toMatchObject({
    duplicateOf: [{ id: "episode-1", outcome: "dropped", reason: "balance: over-its-share" }],
  });
});

test("a run whose dataset is of another ledger shows no rows; one without a ledger is refused", async () => {
  const saved = await readFile(dir.ledger, "utf8");
  await writeFile(dir.ledger, saved.split("\n").slice(0, -2).join("\n"));
  expect(await tell("reddit:TheOnion:p1")).not.toHaveProperty("rows");
  await writeFile(dir.ledger, saved);
  await expect(why(runDir(join(folder, "none")), "a", signal)).rejects.toMatchObject({
    code: "data/no-ledger",
  });
  await expect(why(dir, "a", AbortSignal.abort())).rejects.toThrow(/abort/i);
});
