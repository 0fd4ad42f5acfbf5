import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Conversation, toRow } from "../../core/conversation.ts";
import { writeJsonl } from "../../core/jsonl.ts";
import { type DatasetDir, datasetDir } from "../../core/run-dir.ts";
import { conversation } from "../exports/test-conversations.ts";
import { SIDES, type Side } from "../split.ts";
import { type DatasetDiff, diffDatasets } from "./diff-datasets.ts";

let root: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "twainbot-diff-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Row {
  id: string;
  text: string;
  side?: Side;
  licence?: string;
}

async function write(rows: readonly Row[]): Promise<DatasetDir> {
  const dir = datasetDir(join(root, String(made++)));
  const one = ({ id, text, licence }: Row): Conversation => ({
    ...conversation(
      [
        { role: "user", content: "Say it." },
        { role: "assistant", content: text },
      ],
      { licence: licence ?? "CC0-1.0" },
    ),
    id,
  });
  for (const side of SIDES)
    await writeJsonl(
      dir[side],
      rows.filter((row) => (row.side ?? "train") === side).map((row) => toRow(one(row))),
    );
  return dir;
}

const { signal } = new AbortController();
const diff = async (from: readonly Row[], to: readonly Row[]): Promise<DatasetDiff> =>
  diffDatasets(await write(from), await write(to), signal);

const none = { same: 0, relabelled: 0, renamed: 0, changed: 0, removed: 0, added: 0 };

describe("what happened to a row", () => {
  const a = { id: "a", text: "rain" };
  const b = { id: "b", text: "snow" };
  test.each<[string, Row[], Row[], Partial<DatasetDiff["rows"]>]>([
    ["nothing", [a, b], [b, a], { same: 2 }],
    ["added", [a], [a, b], { same: 1, added: 1 }],
    ["removed", [a, b], [a], { same: 1, removed: 1 }],
    ["other words", [a], [{ ...a, text: "hail" }], { changed: 1 }],
    ["another licence", [a], [{ ...a, licence: "MIT" }], { relabelled: 1 }],
    ["another id", [a], [{ ...a, id: "z" }], { renamed: 1 }],
    [
      "ids shifted by a new row: no content is lost",
      [a, b],
      [
        { id: "a", text: "fog" },
        { id: "b", text: "rain" },
        { id: "c", text: "snow" },
      ],
      { renamed: 2, added: 1 },
    ],
    [
      "one of two copies gone",
      [a, { id: "b", text: "rain" }],
      [{ id: "c", text: "rain" }],
      { renamed: 1, removed: 1 },
    ],
  ])("%s", async (_name, from, to, rows) => {
    expect((await diff(from, to)).rows).toEqual({ ...none, ...rows });
  });

  test("a row on another side of the split is named: it may have been tested on", async () => {
    const { rows, moved } = await diff([{ ...a, side: "test" }, b], [a, b]);
    expect(rows).toEqual({ ...none, same: 2 });
    expect(moved).toEqual({ "test → train": 1 });
  });

  test("an id that is there twice loses no row", async () => {
    expect((await diff([a, { ...b, id: "a" }], [a])).rows).toEqual({
      ...none,
      same: 1,
      removed: 1,
    });
  });
});

test("counts and lengths of both sides", async () => {
  const { facets, lengths, examples } = await diff(
    [
      { id: "a", text: "one two three" },
      { id: "b", text: "one", licence: "all rights reserved" },
    ],
    [{ id: "a", text: "one two three" }],
  );
  expect(facets.licence).toEqual([
    { value: "CC0-1.0", from: 1, to: 1 },
    { value: "all rights reserved", from: 1, to: 0 },
  ]);
  expect(facets["may be handed on"]).toEqual([
    { value: "no", from: 1, to: 0 },
    { value: "yes", from: 1, to: 1 },
  ]);
  expect(facets.split).toEqual([{ value: "train", from: 2, to: 1 }]);
  expect(lengths["assistant words"]).toEqual({
    from: { mean: 2, median: 3, p90: 3, total: 4 },
    to: { mean: 3, median: 3, p90: 3, total: 3 },
  });
  expect(examples).toEqual({ removed: ["b"] });
});

test("every row is counted once on each side, and the way back is the mirror", async () => {
  const row = fc.record({
    id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    text: fc.constantFrom("rain", "snow", "hail", "fog"),
    side: fc.constantFrom(...SIDES),
    licence: fc.constantFrom("MIT", "CC0-1.0"),
  });
  const rows = fc.uniqueArray(row, { selector: ({ id }) => id, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(rows, rows, async (from, to) => {
      const there = (await diff(from, to)).rows;
      const shared = there.same + there.relabelled + there.renamed + there.changed;
      expect(shared + there.removed).toBe(from.length);
      expect(shared + there.added).toBe(to.length);
      const back = (await diff(to, from)).rows;
      expect(back.same + back.relabelled + back.renamed).toBe(
        there.same + there.relabelled + there.renamed,
      );
      expect(back.same).toBe(there.same);
    }),
    { numRuns: 25 },
  );
});
