import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gutenberg } from "./gutenberg.ts";
import { testBook } from "./test-book.ts";
import { type TestCollection, testCollect } from "./test-collect.ts";
import { type TestServer, startTestServer } from "./test-server.ts";

let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-gutendex-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const book = (id: number, title: string, more: object = {}): Record<string, unknown> => ({
  id,
  title,
  authors: [{ name: "Finch, Ada", birth_year: 1835, death_year: 1910 }],
  summaries: [],
  translators: [],
  subjects: [],
  languages: ["en"],
  copyright: false,
  media_type: "Text",
  formats: { "text/plain; charset=utf-8": "https://books.example/x.txt" },
  download_count: id,
  ...more,
});

/** A catalogue with pages of two, and a mirror that has all its books but those without text. */
function serve(books: Record<string, unknown>[], gone: number[] = []): void {
  server.answer = (path) => {
    const url = new URL(path, server.base);
    if (url.pathname === "/books") {
      const page = Number(url.searchParams.get("page") ?? 1);
      url.searchParams.set("page", String(page + 1));
      const results = books.slice(page * 2 - 2, page * 2);
      // The host of `next` is not to be trusted.
      const next = page * 2 < books.length ? `http://169.254.169.254/books${url.search}` : null;
      return {
        status: 200,
        body: JSON.stringify({ count: books.length, next, previous: null, results }),
      };
    }
    const found = books.find(
      ({ id }) =>
        url.pathname === `/${String(id)}/${String(id)}-0.txt` && !gone.includes(id as number),
    );
    return found
      ? { status: 200, body: testBook({ id: found.id as number, title: found.title as string }) }
      : { status: 404 };
  };
}

const collect = (
  config: Record<string, unknown>,
  context: Record<string, unknown> = {},
): Promise<TestCollection> =>
  testCollect(
    gutenberg,
    { mirror: server.base, catalogue: server.base, delaySeconds: 0, ...config },
    { cacheDir: join(folder, "cache"), ...context },
  );
const ids = ({ documents }: TestCollection): string[] => documents.map(({ id }) => id);
const slow = { title: "The Slow Boat", author: "Ada Finch", role: "neutral" };
const shelf = [
  book(9005, "The Slow Boat, Part 2."),
  book(9004, "The Slow Boat", { authors: [{ name: "Stevens, C. M." }] }),
  book(9003, "The Slow Boat", { copyright: true }),
  book(9006, "The Slow Boat", { media_type: "Sound" }),
  book(9007, "The Slow Boat", { languages: ["fi"] }),
  book(9001, "The Slow Boat"),
  book(9002, "The Slow Boat, Complete"),
  book(9008, "The Quick Boat"),
];

describe("a work without an id", () => {
  test("is the most read free text of that title and author, on whatever page it stands", async () => {
    serve(shelf);
    const found = await collect({ works: [slow] });
    expect(ids(found)).toEqual(["gutenberg:9002"]);
    expect(found.documents[0]).toMatchObject({
      title: "The Slow Boat",
      extra: { gutenberg_id: 9002, terms: expect.stringContaining("gutenberg.org") as string },
    });
    const [first] = server.requests.filter((url) => url.startsWith("/books"));
    expect(Object.fromEntries(new URL(first!, server.base).searchParams)).toEqual({
      search: "The Slow Boat Ada Finch",
      languages: "en",
      copyright: "false",
    });
    const lookedUp = (): number => server.requests.filter((url) => url.startsWith("/books")).length;
    const asked = lookedUp();
    expect(await collect({ works: [slow] })).toEqual(found);
    expect(lookedUp()).toBe(asked);
  });

  test("that is not there is an error that names what there is", async () => {
    serve(shelf);
    await expect(collect({ works: [{ ...slow, title: "Slowest" }] })).rejects.toMatchObject({
      code: "collect/unknown-work",
      message: expect.stringContaining("9008 The Quick Boat") as string,
    });
    await expect(collect({ works: [{ ...slow, author: "T. S. Eliot" }] })).rejects.toMatchObject({
      code: "collect/unknown-work",
      message: expect.stringContaining("none is by that author") as string,
    });
  });

  test("needs the network for its id even where the book is at hand", async () => {
    serve(shelf);
    await mkdir(join(folder, "gutenberg", "9002"), { recursive: true });
    await writeFile(
      join(folder, "gutenberg", "9002", "9002-0.txt"),
      testBook({ id: 9002, credit: "From the folder" }),
    );
    const config = { works: [slow], mirror: undefined };
    const found = await collect(config, { root: folder });
    expect(found.documents[0]!.text).toContain("From the folder");
    await expect(collect(config, { root: folder, network: false })).rejects.toMatchObject({
      code: "collect/network-off",
    });
    await expect(
      collect({ ...config, works: [{ ...slow, id: 9002 }] }, { root: folder, network: false }),
    ).resolves.toMatchObject({ documents: [{ id: "gutenberg:9002" }] });
  });

  test("what is no catalogue is an error with its address", async () => {
    server.answer = (url) =>
      url === "/robots.txt" ? { status: 404 } : { status: 200, body: "{}" };
    await expect(collect({ works: [slow] })).rejects.toMatchObject({
      code: "collect/bad-answer",
      message: expect.stringContaining("/books?search=") as string,
    });
  });
});

test("an author's books are taken by how much they are read; what cannot be used is counted", async () => {
  serve(
    [
      book(9001, "The Slow Boat"),
      book(9002, "Roughing It Out"),
      book(9003, "All Works"),
      book(9004, "Afloat"),
      book(9009, "Adrift"),
    ],
    [9004],
  );
  const authors = [
    { author: "Ada Finch", atMost: 3, except: [9003], role: "style", persona: "twain" },
  ];
  const found = await collect({ works: [{ ...slow, id: 9001 }], authors });
  expect(ids(found)).toEqual(["gutenberg:9001", "gutenberg:9009", "gutenberg:9002"]);
  expect(found.bad).toEqual({ "no plain text": 1 });
  expect(found.documents[1]).toMatchObject({
    title: "Adrift",
    author: "Ada Finch",
    extra: { role: "style", persona: "twain" },
  });
  expect(gutenberg.schema.safeParse({ kind: "gutenberg" }).success).toBe(false);
});

test("of several mirrors the next one is asked where one fails or lacks a book", async () => {
  serve(shelf);
  const other = await startTestServer();
  try {
    other.answer = (url) =>
      url === "/robots.txt" ? { status: 200, body: "User-agent: *\nDisallow: /" } : { status: 500 };
    const works = [
      { ...slow, id: 9001 },
      { ...slow, id: 9002 },
    ];
    const found = await collect({ works, mirror: [other.base, server.base] });
    expect(ids(found)).toEqual(["gutenberg:9001", "gutenberg:9002"]);
    expect(other.requests).toEqual(["/robots.txt"]);

    other.answer = () => ({ status: 404 });
    await rm(join(folder, "cache"), { recursive: true });
    expect(ids(await collect({ works, mirror: [other.base, server.base] }))).toHaveLength(2);
    await expect(collect({ works, mirror: [other.base] })).rejects.toMatchObject({
      code: "collect/missing-book",
    });
  } finally {
    await other.close();
  }
});
