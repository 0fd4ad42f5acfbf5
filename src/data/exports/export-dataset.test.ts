import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Conversation, toRow } from "../../core/conversation.ts";
import { hashFile } from "../../core/hash.ts";
import { readJsonl, writeJsonl } from "../../core/jsonl.ts";
import { type RunDir, runDir } from "../../core/run-dir.ts";
import { exportDataset } from "./export-dataset.ts";
import type { ExportFormat } from "./format.ts";
import { exportFormats } from "./index.ts";
import { callAfterCall, conversation, talk, twoCalls } from "./test-conversations.ts";

const REDDIT = "reddit-user-content (research use; not redistributed)";
const headline = conversation(talk.messages, { licence: REDDIT });
const monologue = conversation([{ role: "assistant", content: "Once upon a time." }]);

let root: string;
let dir: RunDir;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "twainbot-export-"));
  dir = await run("full", {
    train: [twoCalls, talk, headline, callAfterCall, headline],
    valid: [talk],
    test: [twoCalls, talk],
  });
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function run(
  name: string,
  rows: Record<"train" | "valid" | "test", Conversation[]>,
): Promise<RunDir> {
  const made = runDir(join(root, name));
  for (const side of ["train", "valid", "test"] as const)
    await writeJsonl(made.dataset[side], rows[side].map(toRow));
  return made;
}

const signal = new AbortController().signal;
const write = (from: RunDir, format: ExportFormat, folder: string) =>
  exportDataset(from, format, { folder, recipe: "tiny", signal });
const trl = exportFormats.find(({ name }) => name === "trl")!;

test("names are unique and fit a folder", () => {
  const names = exportFormats.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z-]+$/);
});

describe.each(exportFormats.map((format) => [format.name, format] as const))(
  "%s",
  (name, format) => {
    test("every line is a row of the format, and the README counts them", async () => {
      const folder = join(root, "out", name);
      const result = await write(dir, format, folder);
      expect(result).toEqual({
        format: name,
        folder,
        files: ["jsonl"],
        rows: { train: 5, valid: 1, test: 2 },
        licences: { "CC0-1.0": 6, [REDDIT]: 2 },
        leftOut: {},
      });
      for (const [side, count] of Object.entries(result.rows)) {
        const rows: unknown[] = [];
        for await (const row of readJsonl(join(folder, `${side}.jsonl`), format.row))
          rows.push(row);
        expect(rows).toHaveLength(count);
      }
      const readme = await readFile(join(folder, "README.md"), "utf8");
      for (const part of [
        "| `train.jsonl` | 5 |",
        "| CC0-1.0 | 6 |",
        `| ${REDDIT} | 2 |`,
        "**2 rows may not be handed on** (reddit-user-content",
        format.usage,
      ])
        expect(readme).toContain(part);
      expect((await readdir(folder)).toSorted()).toEqual(
        [
          "README.md",
          "test.jsonl",
          "train.jsonl",
          "valid.jsonl",
          ...Object.keys(format.files ?? {}),
        ].toSorted(),
      );
    });

    test("the same dataset gives the same bytes, wherever it is written", async () => {
      const hashes = async (folder: string): Promise<string[]> => {
        await write(dir, format, folder);
        const names = (await readdir(folder)).toSorted();
        return Promise.all(names.map(async (file) => (await hashFile(join(folder, file))).sha256));
      };
      const first = await hashes(join(root, "first", name));
      expect(await hashes(join(root, "second", name))).toEqual(first);
      expect(await hashes(join(root, "first", name))).toEqual(first);
    });
  },
);

test("what a format has no words for is counted and named", async () => {
  const some = await run("some", {
    train: [monologue, talk, monologue],
    valid: [talk],
    test: [talk],
  });
  const folder = join(root, "some-out");
  const result = await write(some, trl, folder);
  expect(result).toMatchObject({
    rows: { train: 1, valid: 1, test: 1 },
    leftOut: { "no user turn": 2 },
    licences: { "CC0-1.0": 3 },
  });
  const readme = await readFile(join(folder, "README.md"), "utf8");
  expect(readme).toContain("| no user turn | 2 |");
  expect(readme).toContain("Every row may be handed on");
  expect(readme).not.toContain("Row n of a file here");
});

test("Parquet beside the lines: named in the README, and gone where it is not asked for again", async () => {
  const folder = join(root, "parquet-out");
  const options = { folder, recipe: "tiny", signal };
  const result = await exportDataset(dir, trl, { ...options, parquet: true });
  expect(result.files).toEqual(["jsonl", "parquet"]);
  expect(await readFile(join(folder, "README.md"), "utf8")).toContain(
    "| `train.jsonl`, `train.parquet` | 5 |",
  );
  const file = await asyncBufferFromFile(join(folder, "train.parquet"));
  expect(await parquetReadObjects({ file })).toHaveLength(5);
  await exportDataset(dir, trl, options);
  expect((await readdir(folder)).filter((name) => name.endsWith("parquet"))).toEqual([]);
});

test("the format dataset writes the very lines of the dataset", async () => {
  const folder = join(root, "dataset-out");
  await write(
    dir,
    exportFormats.find(({ name }) => name === "dataset")!,
    folder,
  );
  expect(await readFile(join(folder, "train.jsonl"))).toEqual(await readFile(dir.dataset.train));
});

test("a split with nothing to write is an error, and no README says that all is well", async () => {
  const folder = join(root, "none-out");
  await write(dir, trl, folder);
  const none = await run("none", { train: [monologue], valid: [talk], test: [talk] });
  await expect(write(none, trl, folder)).rejects.toMatchObject({
    code: "export/no-rows",
    message: expect.stringMatching(
      /none of the 1 rows of .*train\.jsonl .* as trl \(no user turn: 1\)/,
    ),
  });
  expect((await readdir(folder)).toSorted()).toEqual(["test.jsonl", "train.jsonl", "valid.jsonl"]);
});

test("interrupted, it leaves nothing half-written", async () => {
  const folder = join(root, "aborted");
  const abort = new AbortController();
  const options = { folder, recipe: "tiny", signal: abort.signal };
  abort.abort();
  await expect(exportDataset(dir, trl, options)).rejects.toMatchObject({ name: "AbortError" });
  expect(await readdir(folder)).toEqual([]);
});
