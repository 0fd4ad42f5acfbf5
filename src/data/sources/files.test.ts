import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256 } from "../../core/hash.ts";
import { files } from "./files.ts";
import { type TestCollection, testCollect } from "./test-collect.ts";

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "twainbot-files-")));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

const own = (path: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  path,
  licence: "CC0-1.0",
  kind: "passage",
  ...more,
});

const collect = (
  entries: Record<string, unknown>[],
  more: Record<string, unknown> = {},
): Promise<TestCollection> =>
  testCollect(
    files,
    { files: entries, ...more },
    { cacheDir: folder, root: folder, network: false },
  );

describe("text files", () => {
  test("one file, with what the recipe says of it", async () => {
    await put("texts/boat.txt", "The boat was slow.\n");
    const { documents } = await collect([
      own("texts/boat.txt", {
        kind: "book",
        author: "Ada Finch",
        title: "The Slow Boat",
        role: "style",
        persona: "twain",
      }),
    ]);
    expect(documents).toEqual([
      {
        id: "files:texts/boat.txt",
        kind: "book",
        text: "The boat was slow.\n",
        source: "files",
        licence: "CC0-1.0",
        author: "Ada Finch",
        title: "The Slow Boat",
        sha256: sha256("The boat was slow.\n"),
        synthetic: false,
        extra: { role: "style", persona: "twain" },
      },
    ]);
  });

  test("a folder in a fixed order; other kinds and hidden files are passed over", async () => {
    for (const name of [
      "b.txt",
      "a/z.md",
      "a/B.TXT",
      "c.pdf",
      ".secret.txt",
      ".git/x.txt",
      "Ä.txt",
    ])
      await put(`in/${name}`, `text of ${name}`);
    const { documents, bad } = await collect([own("in")]);
    expect(documents.map(({ id }) => id)).toEqual([
      "files:in/a/B.TXT",
      "files:in/a/z.md",
      "files:in/b.txt",
      "files:in/Ä.txt",
    ]);
    expect(bad).toEqual({});
  });

  test("bytes decide about the encoding; what is no text is counted", async () => {
    await put("in/1.txt", Buffer.from([0xef, 0xbb, 0xbf, 0x41]));
    await put("in/2.txt", Buffer.from([0x93, 0x4b, 0xf6, 0x94]));
    await put("in/3.txt", Buffer.from("\uFEFFUTF-16", "utf16le"));
    await put("in/4.txt", Buffer.from([0x50, 0x4b, 0x03, 0x04, 0x00, 0x00]));
    await put("in/5.txt", " \n");
    await put("in/6.txt", "");
    const { documents, bad } = await collect([own("in")]);
    expect(documents.map(({ text }) => text)).toEqual(["A", "“Kö”", "UTF-16"]);
    expect(bad).toEqual({ "not text": 1, "empty file": 2 });
  });

  test("absolute paths do not show in ids, and two folders of one name stay apart", async () => {
    await put("one/texts/a.txt", "first");
    await put("two/texts/a.txt", "second");
    const { documents } = await collect([
      own(join(folder, "one", "texts")),
      own(join(folder, "two", "texts/")),
    ]);
    expect(documents.map(({ id }) => id)).toEqual(["files:texts/a.txt", "files:texts~2/a.txt"]);
  });

  test("only headlines say whether they are funny", async () => {
    await put("a.txt", "Fog Wins Award");
    const extra = async (more: Record<string, unknown>): Promise<unknown> =>
      (await collect([own("a.txt", more)])).documents[0]!.extra;
    expect(await extra({ kind: "headline" })).toEqual({ humorous: false });
    expect(await extra({ kind: "headline", humorous: true })).toEqual({ humorous: true });
    expect(await extra({})).toEqual({});
  });
});

describe("JSON Lines", () => {
  test("a row may name its own title, author, address and licence", async () => {
    await put(
      "rows.jsonl",
      [
        {
          text: "One.",
          title: "T",
          author: "A",
          url: "https://x.example/1",
          licence: "CC-BY-4.0",
          score: 3,
        },
        { text: "Two.", title: null, author: null, url: "javascript:x", licence: "" },
      ]
        .map((row) => `${JSON.stringify(row)}\r\n\n`)
        .join(""),
    );
    const { documents } = await collect([own("rows.jsonl", { author: "Everyone" })]);
    expect(documents).toMatchObject([
      {
        id: "files:rows.jsonl:1",
        text: "One.",
        title: "T",
        author: "A",
        url: "https://x.example/1",
        licence: "CC-BY-4.0",
      },
      { id: "files:rows.jsonl:3", text: "Two.", author: "Everyone", licence: "CC0-1.0" },
    ]);
    expect(documents[1]).not.toHaveProperty("url");
    expect(documents[1]).not.toHaveProperty("title");
  });

  test("a bad row costs itself and is counted; mostly bad rows stop the run", async () => {
    const good = Array.from({ length: 20 }, (_, i) => JSON.stringify({ text: `Row ${i}.` }));
    const broken = [
      '{"text": "half',
      '{"title":"no text"}',
      '{"text":" "}',
      '{"text":"x","author":7}',
      '["x"]',
    ];
    await put("rows.jsonl", [...good, ...broken].join("\n"));
    const { documents, bad } = await collect([own("rows.jsonl")]);
    expect(documents).toHaveLength(20);
    expect(bad).toEqual({ "not JSON": 1, "no text": 2, "bad author": 1, "not an object": 1 });
    await put("rows.jsonl", [...good.slice(0, 5), ...broken].join("\n"));
    await expect(collect([own("rows.jsonl")])).rejects.toMatchObject({
      code: "collect/too-many-bad-rows",
      message: expect.stringContaining("5 of 10 rows") as string,
    });
  });
});

describe("limits", () => {
  test("a link out of the folder is refused, whether to a file or a folder", async () => {
    await put("secret/key.txt", "private");
    await put("in/a.txt", "public");
    // A folder whose name merely begins like the other's is outside too.
    await put("in-secret/key.txt", "private");
    for (const target of ["secret/key.txt", "secret", "in-secret", "in-secret/key.txt"]) {
      await symlink(join(folder, target), join(folder, "in", "link.txt"));
      await expect(collect([own("in")]), target).rejects.toMatchObject({
        code: "collect/link-outside",
        message: expect.stringContaining(target) as string,
      });
      await rm(join(folder, "in", "link.txt"));
    }
  });

  test("links inside are counted, never followed: no copies and no circles", async () => {
    await put("in/sub/a.txt", "once");
    await symlink(join(folder, "in", "sub", "a.txt"), join(folder, "in", "b.txt"));
    await symlink(join(folder, "in"), join(folder, "in", "sub", "loop"));
    await symlink(join(folder, "gone"), join(folder, "in", "broken.txt"));
    const { documents, bad } = await collect([own("in")]);
    expect(documents.map(({ id }) => id)).toEqual(["files:in/sub/a.txt"]);
    expect(bad).toEqual({ link: 2, "broken link": 1 });
    // The folder itself may be reached through a link: the recipe names it.
    await symlink(join(folder, "in"), join(folder, "alias"));
    expect((await collect([own("alias")])).documents).toHaveLength(1);
  });

  test("a file over the limit stops the run with both numbers", async () => {
    await put("a.txt", "x".repeat(100));
    expect((await collect([own("a.txt")], { maxBytes: 100 })).documents[0]!.text).toHaveLength(100);
    await expect(collect([own("a.txt")], { maxBytes: 99 })).rejects.toMatchObject({
      code: "collect/too-large",
      message: expect.stringMatching(/100 bytes.*99/) as string,
    });
  });

  test("nothing there, no root, no text file, no licence", async () => {
    await put("a.pdf", "x");
    await expect(collect([own("none.txt")])).rejects.toMatchObject({
      code: "collect/missing-file",
    });
    await expect(collect([own("a.pdf")])).rejects.toMatchObject({
      code: "collect/missing-file",
      message: expect.stringContaining("no .txt") as string,
    });
    await expect(
      testCollect(files, { files: [own("a.txt")] }, { cacheDir: folder }),
    ).rejects.toMatchObject({ code: "collect/no-root" });
    const parse = (entry: unknown): boolean =>
      files.schema.safeParse({ kind: "files", files: [entry] }).success;
    expect(parse(own("a.txt"))).toBe(true);
    expect(parse({ path: "a.txt", kind: "book" })).toBe(false);
    expect(parse(own("a.txt", { licence: "  " }))).toBe(false);
  });

  test("the fingerprint follows bytes and names, and fails on nothing", async () => {
    const inputs = (path: string): Promise<unknown> =>
      files.inputs!(files.schema.parse({ kind: "files", files: [own(path)] }), {
        root: folder,
        network: false,
      });
    await put("in/a.txt", "one");
    const first = await inputs("in");
    expect(await inputs("in")).toEqual(first);
    await put("in/a.txt", "two");
    const second = await inputs("in");
    expect(second).not.toEqual(first);
    await put("in/b.txt", "two");
    expect(await inputs("in")).not.toEqual(second);
    expect(await inputs("none")).toBeNull();
  });
});
