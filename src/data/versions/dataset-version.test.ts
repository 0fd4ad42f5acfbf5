import { mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeFileAtomic } from "../../core/atomic-file.ts";
import { type RunDir, runDir } from "../../core/run-dir.ts";
import {
  type DatasetVersion,
  datasetState,
  listVersions,
  openVersion,
  tagVersion,
} from "./dataset-version.ts";

let dir: RunDir;
beforeEach(async () => {
  dir = runDir(await mkdtemp(join(tmpdir(), "twainbot-version-")));
  await writeDataset("one\ntwo\n");
});
afterEach(() => rm(dir.root, { recursive: true, force: true }));

async function writeDataset(train: string): Promise<void> {
  await writeFileAtomic(dir.dataset.train, train);
  await writeFileAtomic(dir.dataset.test, "three\n");
  await writeFileAtomic(dir.dataset.stats, "{}");
  await writeFileAtomic(dir.recipe, '{"name":"x"}');
}

const { signal } = new AbortController();
const tag = (version: string, day = 1): Promise<{ record: DatasetVersion; made: boolean }> =>
  tagVersion(dir, version, {
    name: "x",
    beside: [dir.recipe, join(dir.root, "absent.json")],
    now: new Date(Date.UTC(2026, 10, day)),
    signal,
  });

test("a version keeps files, hashes and recipe, and takes no space while the dataset stays", async () => {
  const { record } = await tag("v1.2");
  expect(record).toMatchObject({
    version: "v1.2",
    files: [
      { name: "train.jsonl", bytes: 8, rows: 2 },
      { name: "test.jsonl", bytes: 6, rows: 1 },
    ],
    tagged: "2026-11-01T00:00:00.000Z",
  });
  expect(record.dataset).toBe((await datasetState(dir.dataset, signal)).dataset);
  const folder = join(dir.versions, "v1.2");
  expect((await readdir(folder)).toSorted()).toEqual([
    "recipe.json",
    "stats.json",
    "test.jsonl",
    "train.jsonl",
    "version.json",
  ]);
  expect((await stat(join(folder, "train.jsonl"))).ino).toBe((await stat(dir.dataset.train)).ino);
});

test("what the run writes later does not reach it", async () => {
  await tag("v1");
  await writeDataset("four\n");
  const { dataset, record } = await openVersion(dir, "v1", signal);
  expect(await readFile(dataset.train, "utf8")).toBe("one\ntwo\n");
  expect(record.dataset).not.toBe((await datasetState(dir.dataset, signal)).dataset);
});

test("tagging the same dataset again changes nothing; another one is refused", async () => {
  const { record, made } = await tag("v1");
  expect(made).toBe(true);
  expect(await tag("v1", 2)).toEqual({ record, made: false });
  await writeDataset("four\n");
  await expect(tag("v1")).rejects.toMatchObject({ code: "data/version-exists" });
  await tag("v2", 3);
  expect((await listVersions(dir)).map(({ version }) => version)).toEqual(["v1", "v2"]);
  expect((await readdir(dir.versions)).toSorted()).toEqual(["v1", "v2"]);
});

test("equal datasets have equal hashes, whatever they are called", async () => {
  const first = await tag("v1");
  const second = await tag("v1.0", 2);
  expect(second.record.dataset).toBe(first.record.dataset);
});

test.each(["v0", "v1", "v1.2", "v10.0.37"])("%s is a version", async (name) => {
  expect((await tag(name)).record.version).toBe(name);
});

test("what tools saw when episodes were made is kept, is no part of the rows' hash, and may not change", async () => {
  const plain = await tag("v1");
  expect(plain.record).not.toHaveProperty("worlds");
  const worlds = '{"row":"a","now":"2026-01-01T00:00:00.000Z"}\n';
  await writeFileAtomic(dir.dataset.worlds, worlds);
  const { record } = await tag("v2");
  expect(record.dataset).toBe(plain.record.dataset);
  expect(record.worlds).toMatchObject({ name: "worlds.jsonl", rows: 1, bytes: worlds.length });
  await writeFileAtomic(dir.dataset.worlds, "");
  const { dataset } = await openVersion(dir, "v2", signal);
  expect(await readFile(dataset.worlds, "utf8")).toBe(worlds);
  for (const spoil of [() => writeFile(dataset.worlds, "{}\n"), () => rm(dataset.worlds)]) {
    await spoil();
    await expect(openVersion(dir, "v2", signal)).rejects.toMatchObject({
      code: "data/version-damaged",
      message: expect.stringContaining("worlds.jsonl is not what was tagged"),
    });
  }
});

test("a version of a name that would be refused today is still listed and opened", async () => {
  await tag("v1");
  const folder = join(dir.versions, "banana");
  await rename(join(dir.versions, "v1"), folder);
  const record = await readFile(join(folder, "version.json"), "utf8");
  await writeFile(join(folder, "version.json"), record.replace('"v1"', '"banana"'));
  await tag("v2", 2);
  expect((await listVersions(dir)).map(({ version }) => version)).toEqual(["banana", "v2"]);
  expect((await openVersion(dir, "banana", signal)).record.files).toHaveLength(2);
});

describe("refused", () => {
  test.each([
    "",
    ".",
    "..",
    "../v1",
    "a/b",
    "ü",
    "banana",
    "v",
    "v1.",
    "v1..2",
    "v1.lock",
    "v1.2.3.4",
    "v01",
    "v1.02",
    "v-1",
    "v1.2-beta",
    "v1\n",
    `v${"1".repeat(70)}`,
  ])("the name %j", async (name) => {
    await expect(tag(name)).rejects.toMatchObject({
      code: "data/version-name",
      hint: expect.stringContaining("v1.2.3"),
    });
    expect(await readdir(dir.versions).catch(() => [])).toEqual([]);
  });

  test.each([
    ["1.2", "v1.2"],
    ["V3", "v3"],
  ])("%s, with the name that was meant", async (name, meant) => {
    await expect(tag(name)).rejects.toMatchObject({ hint: `Did you mean ${meant}?` });
  });

  test("a version that is not there, with those that are", async () => {
    await expect(openVersion(dir, "v9", signal)).rejects.toMatchObject({
      code: "data/unknown-version",
      hint: expect.stringMatching(/twainbot data tag .* v9\./),
    });
    await expect(openVersion(dir, "banana", signal)).rejects.toMatchObject({
      hint: expect.stringMatching(/twainbot data tag .* v1\./),
    });
    await tag("v1");
    await expect(openVersion(dir, "v9", signal)).rejects.toMatchObject({
      hint: "There are v1.",
    });
  });

  test("a file that something else has written into", async () => {
    await tag("v1");
    await writeFile(join(dir.versions, "v1", "train.jsonl"), "one\nfive\n");
    await expect(openVersion(dir, "v1", signal)).rejects.toMatchObject({
      code: "data/version-damaged",
      message: expect.stringContaining("train.jsonl is not what was tagged"),
    });
  });

  test("a record that is no record", async () => {
    await tag("v1");
    await writeFile(join(dir.versions, "v1", "version.json"), "{");
    await expect(listVersions(dir)).rejects.toMatchObject({ code: "data/version-damaged" });
  });
});
