import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { stringify } from "./test-csv.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Document } from "../../core/document.ts";
import { readCsv } from "./csv-records.ts";
import { redditCsv } from "./reddit-csv.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-reddit-"));
  await mkdir(join(folder, "reddit"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const HEAD = "created_utc,url,id,num_comments,title,subreddit,timestamp";
const row = (id: string, title: string): string =>
  `1545089481,https://www.reddit.com/r/TheOnion/${id},${id},3,${title},TheOnion,2018-12-17 18:31:21`;

async function collect(
  content: string | Uint8Array,
): Promise<{ documents: Document[]; bad: Record<string, number> }> {
  await writeFile(join(folder, "reddit", "posts.csv"), content);
  const documents: Document[] = [];
  const bad: Record<string, number> = {};
  const config = redditCsv.schema.parse({ kind: "reddit-csv", files: ["posts.csv"] });
  for await (const item of redditCsv.collect(config, {
    root: folder,
    network: false,
    signal: new AbortController().signal,
    privateHosts: [],
    cacheDir: folder,
  })) {
    if (item.type === "document") documents.push(item.document);
    if (item.type === "bad") bad[item.reason] = (bad[item.reason] ?? 0) + 1;
  }
  return { documents, bad };
}

test("one document a title, quoted newlines and doubled quotes included", async () => {
  const { documents, bad } = await collect(
    [
      HEAD,
      row("a1", "Plain Title"),
      row("a2", '"Title, With ""Quotes""\nAnd A Newline"'),
      row("a3", "Last"),
    ].join("\r\n"),
  );
  expect(documents.map(({ text }) => text)).toEqual([
    "Plain Title",
    'Title, With "Quotes"\nAnd A Newline',
    "Last",
  ]);
  expect(documents[0]).toMatchObject({
    id: "reddit:TheOnion:a1",
    kind: "headline",
    year: 2018,
    licence: "reddit-user-content (research use; not redistributed)",
    extra: { subreddit: "TheOnion", humorous: true, comments: 3, created: 1545089481 },
  });
  expect(bad).toEqual({});
});

test("a broken row costs itself and is counted with its reason", async () => {
  const good = Array.from({ length: 60 }, (_, i) => row(`g${i}`, `Good Title Number ${i}`));
  const lines = [
    HEAD,
    ...good.slice(0, 20),
    "only,three,fields",
    ...good.slice(20, 30),
    row("b1", '"never closed'),
    ...good.slice(30),
    row("g5", "Again"),
    row("", "No Id"),
    row("b2", ""),
  ];
  const { documents, bad } = await collect(lines.join("\n"));
  expect(documents).toHaveLength(60);
  expect(bad).toEqual({
    columns: 1,
    "unclosed quote": 1,
    "repeated id": 1,
    "no id": 1,
    "no title": 1,
  });
});

test("what is no dump is refused: encoding, columns, mostly bad rows", async () => {
  const latin = Buffer.from([HEAD, row("a1", "Caf\u00e9 Closes")].join("\n"), "latin1");
  await expect(collect(latin)).rejects.toMatchObject({
    code: "collect/not-utf8",
    message: expect.stringContaining(`byte ${latin.indexOf(0xe9)} `) as string,
  });
  await expect(collect(",clean_title,is_onion\n0,hello,1")).rejects.toMatchObject({
    code: "collect/bad-columns",
    message: expect.stringContaining("title") as string,
  });
  await expect(
    collect([HEAD, row("a1", "One Good Title"), "x", "y"].join("\n")),
  ).rejects.toMatchObject({ code: "collect/too-many-bad-rows" });
  await expect(collect(HEAD)).rejects.toMatchObject({ code: "collect/too-many-bad-rows" });
});

test("any table that is written as CSV is read back, wherever a block of the file ends", async () => {
  const cell = fc.string({
    unit: fc.constantFrom("a", "é", "😀", '"', ",", "\n", " ", "漢"),
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 20 }),
      async (rows) => {
        // An empty first cell alone on its line is no record; everything else is.
        const table = [["x", "y", "z"], ...rows];
        const path = join(folder, "table.csv");
        await writeFile(path, stringify(table));
        const read: string[][] = [];
        for await (const record of readCsv(path, new AbortController().signal))
          if ("fields" in record) read.push(record.fields);
        expect(read).toEqual(table);
      },
    ),
    { numRuns: 60 },
  );
});
