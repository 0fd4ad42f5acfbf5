import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Document } from "../../core/document.ts";
import { packageRoot } from "../../core/package-root.ts";
import weekend from "../../../recipes/weekend-nano.ts";
import { readHeader, sameAuthor, sameTitle } from "./gutenberg-header.ts";
import { gutenberg } from "./gutenberg.ts";
import type { SourceContext } from "./source.ts";
import { testBook } from "./test-book.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-gutenberg-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const context = (more: Partial<SourceContext> = {}): SourceContext => ({
  network: false,
  signal: new AbortController().signal,
  privateHosts: ["127.0.0.1"],
  cacheDir: join(folder, "cache"),
  ...more,
});

async function collect(
  config: Record<string, unknown>,
  more: Partial<SourceContext> = {},
): Promise<Document[]> {
  const documents: Document[] = [];
  const parsed = gutenberg.schema.parse({
    kind: "gutenberg",
    works: [{ id: 9001, title: "The Slow Boat", author: "Ada Finch", role: "neutral" }],
    ...config,
  });
  for await (const item of gutenberg.collect(parsed, context(more)))
    if (item.type === "document") documents.push(item.document);
  return documents;
}

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

describe("a local mirror", () => {
  test.each(["9001/9001-0.txt", "9/0/0/9001/9001-0.txt", "9001/9001-8.txt", "9/0/0/9001/9001.txt"])(
    "finds %s",
    async (path) => {
      await put(path, testBook());
      const [document] = await collect({ mirror: folder });
      expect(document).toMatchObject({
        id: "gutenberg:9001",
        kind: "book",
        source: "gutenberg",
        title: "The Slow Boat",
        extra: { role: "neutral", gutenberg_id: 9001 },
      });
      expect(document).not.toHaveProperty("fetchedAt");
    },
  );

  test("ids below ten live under 0/, and data.root is the default place", async () => {
    await put("gutenberg/0/7/7.txt", testBook({ id: 7 }));
    const [document] = await collect(
      {
        works: [
          { id: 7, title: "The Slow Boat", author: "Ada Finch", role: "style", persona: "twain" },
        ],
      },
      { root: folder },
    );
    expect(document!.extra).toMatchObject({ role: "style", persona: "twain", gutenberg_id: 7 });
  });

  test("prefers UTF-8 and reads windows-1252 by its bytes", async () => {
    const latin = Buffer.from(testBook({ credit: "Produced by Andr\u00e9" }).slice(1), "latin1");
    await put("9001/9001-8.txt", latin);
    expect((await collect({ mirror: folder }))[0]!.text).toContain("Andr\u00e9");
    await put("9001/9001-0.txt", testBook({ credit: "Produced by Zo\u00eb" }));
    expect((await collect({ mirror: folder }))[0]!.text).toContain("Zo\u00eb");
  });

  // Three ids that a list of Franklin's works once gave; each is another man's book.
  test.each([
    [811, "The Tragical History of Doctor Faustus", "Christopher Marlowe"],
    [57795, "The Sacred Wood", "T. S. Eliot"],
    [40933, "The Wonderful Story of Lincoln", "C. M. Stevens"],
  ])("refuses %i, which is %s", async (id, title, author) => {
    await put(`${id}/${id}-0.txt`, testBook({ id, title, author }));
    const works = [
      {
        id,
        title: "The Autobiography of Benjamin Franklin",
        author: "Benjamin Franklin",
        role: "style",
        persona: "franklin",
      },
    ];
    await expect(collect({ mirror: folder, works })).rejects.toMatchObject({
      code: "collect/wrong-title",
      message: expect.stringContaining(title) as string,
    });
  });

  test("refuses a file that names nothing, a cut one and a missing one", async () => {
    await put("9001/9001-0.txt", "<html><title>404</title></html>");
    await expect(collect({ mirror: folder })).rejects.toMatchObject({
      code: "collect/wrong-title",
    });
    const whole = testBook();
    await put("9001/9001-0.txt", whole.slice(0, whole.length / 2));
    await expect(collect({ mirror: folder })).rejects.toMatchObject({
      code: "collect/truncated-book",
    });
    await put("9001/9001-0.txt", testBook({ paragraphs: 1 }));
    await expect(collect({ mirror: folder })).rejects.toMatchObject({
      code: "collect/truncated-book",
    });
    await expect(
      collect({ mirror: folder, works: [{ id: 9002, title: "X", author: "Y", role: "neutral" }] }),
    ).rejects.toMatchObject({ code: "collect/missing-book" });
    await expect(collect({ mirror: join(folder, "nowhere") })).rejects.toMatchObject({
      code: "collect/no-mirror",
    });
  });
});

describe("a part of a book", () => {
  const work = (part: object) => ({
    works: [{ id: 9001, title: "The Slow Boat", author: "Ada Finch", role: "neutral", ...part }],
  });
  const part = async (more: object): Promise<string> => {
    await put("9001/9001-0.txt", testBook());
    return (await collect({ mirror: folder, ...work(more) }))[0]!.text;
  };

  test("from a sentence until a sentence, wherever the lines break", async () => {
    const from = "That was on day 2 of the voyage.";
    const until = "That was on day 7 of the voyage.";
    const both = await part({ from, until });
    expect(both.replaceAll(/\s+/g, " ")).toMatch(/^That was on day 2 .* day 7 of the voyage\.$/);
    expect(both).not.toMatch(/day 1 |day 8|Gutenberg/);
    expect(await part({ from })).toMatch(/^That was on day 2[^]*END OF THIS PROJECT/);
    expect(await part({ until })).toMatch(
      /^The Project Gutenberg[^]*day\s+7\s+of\s+the\s+voyage\.$/,
    );
  });

  test.each([
    [{ from: "It was a dark and stormy night." }, "stormy night"],
    [{ until: "And so to bed." }, "so to bed"],
    // It stands in the book, but before the other.
    [
      { from: "That was on day 7 of the voyage.", until: "That was on day 2 of the voyage." },
      "day 2",
    ],
    // No regular expression.
    [{ from: "That was on day . of the voyage." }, "day \\. of"],
  ])("a sentence that is not there stops the run: %j", async (more, named) => {
    await expect(part(more)).rejects.toMatchObject({
      code: "collect/no-such-sentence",
      message: expect.stringMatching(new RegExp(`^9001 .*${named}`)) as string,
    });
  });
});

const shared = join(packageRoot(), "../shared/data");
test.skipIf(!existsSync(shared))(
  "Franklin's Autobiography in the recipes is his alone (skipped where ../shared/data is absent)",
  async () => {
    const { works } = gutenberg.schema.parse(weekend.data.sources[0]);
    const franklin = works.filter(({ persona }) => persona === "franklin");
    const documents = await collect({ works: franklin }, { root: shared });
    expect(documents.map(({ text }) => text.slice(0, 9).toLowerCase())).toEqual([
      "dear son:",
      "dear son:",
    ]);
    for (const { text } of documents) {
      expect(text.length).toBeGreaterThan(300_000);
      expect(text).not.toMatch(
        /was born in Milk Street|Founds the Philadelphia Library|BIBLIOGRAPHY|Almanack, for the Year/,
      );
    }
  },
);

describe("headers", () => {
  test("titles agree but for articles, accents and subtitles, and never across volumes", () => {
    expect(
      sameTitle("The Adventures of Tom Sawyer", "The Adventures of Tom Sawyer, Complete"),
    ).toBe(true);
    expect(
      sameTitle("Autobiography of Benjamin Franklin", "The Autobiography of Benjamin Franklin"),
    ).toBe(true);
    expect(
      sameTitle("A Tale of Two Cities", "A Tale of Two Cities A Story of the French Revolution"),
    ).toBe(true);
    expect(sameTitle("Life on the Mississippi", "Life On The Mississippi, Part 3.")).toBe(false);
    expect(sameTitle("Following the Equator", "The Innocents Abroad")).toBe(false);
    expect(sameAuthor("Mark Twain", "Mark Twain (Samuel Clemens)")).toBe(true);
    expect(sameAuthor("Arthur Conan Doyle", "Sir Arthur Conan Doyle")).toBe(true);
    expect(sameAuthor("Benjamin Franklin", "T. S. Eliot")).toBe(false);
  });

  test("a title may go on in indented lines; early etexts name it in a sentence", () => {
    expect(
      readHeader(
        "Title: A Tramp Abroad\r\n       Complete\r\n\r\nAuthor: Mark Twain\r\n*** START OF THIS PROJECT GUTENBERG EBOOK X ***",
      ),
    ).toEqual({ title: "A Tramp Abroad Complete", author: "Mark Twain" });
    expect(
      readHeader(
        "The Project Gutenberg Etext of Roughing It, by Mark Twain\n#39 in our series\n\n*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.12.12.00*END*",
      ),
    ).toEqual({ title: "Roughing It", author: "Mark Twain" });
  });
});

describe("a mirror on the network", () => {
  let server: Server;
  let base: string;
  let requests: { url: string; agent: string; at: number }[];
  let answer: (
    url: string,
    count: number,
  ) => { status: number; body?: string; headers?: Record<string, string> };

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      const url = request.url ?? "";
      requests.push({ url, agent: request.headers["user-agent"] ?? "", at: performance.now() });
      const {
        status,
        body = "",
        headers = {},
      } = answer(url, requests.filter((each) => each.url === url).length);
      response.writeHead(status, headers).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const fromServer = (more: Record<string, unknown> = {}): Promise<Document[]> =>
    collect({ mirror: base, delaySeconds: 0.2, ...more }, { network: true });

  test("reads robots.txt first, says who it is, waits between requests, and never asks twice", async () => {
    answer = (url) =>
      url === "/robots.txt"
        ? { status: 404 }
        : url === "/9/0/0/9001/9001-8.txt"
          ? { status: 200, body: testBook() }
          : { status: 404 };
    const [document] = await fromServer();
    expect(document!.fetchedAt).toMatch(/^\d{4}-/);
    expect(requests.map(({ url }) => url)).toEqual([
      "/robots.txt",
      "/9/0/0/9001/9001-0.txt",
      "/9/0/0/9001/9001-8.txt",
    ]);
    expect(requests[0]!.agent).toMatch(/^twainbot\//);
    // Seen from the server: on a busy machine an arrival may be noticed late, hence half the delay.
    expect(requests[2]!.at - requests[1]!.at).toBeGreaterThan(100);
    const again = (await fromServer())[0]!;
    expect(again).toEqual(document);
    expect(requests.filter(({ url }) => url.endsWith("-8.txt"))).toHaveLength(1);
  });

  test("does not ask for what robots.txt forbids", async () => {
    answer = (url) =>
      url === "/robots.txt"
        ? { status: 200, body: "User-agent: *\nDisallow: /9/" }
        : { status: 200, body: testBook() };
    await expect(fromServer()).rejects.toMatchObject({ code: "collect/robots-refused" });
    expect(requests).toHaveLength(1);
  });

  test("backs off on 429 and 503, then gives up with the address", async () => {
    answer = (url, count) =>
      url === "/robots.txt"
        ? { status: 404 }
        : count === 1
          ? { status: 429 }
          : count === 2
            ? { status: 503 }
            : { status: 200, body: testBook() };
    expect(await fromServer()).toHaveLength(1);
    await rm(join(folder, "cache"), { recursive: true });
    answer = (url) => (url === "/robots.txt" ? { status: 404 } : { status: 503 });
    await expect(fromServer()).rejects.toMatchObject({
      code: "collect/unreachable",
      message: expect.stringContaining("503") as string,
    });
  });

  test("follows a few redirects, not many, and none into the private network", async () => {
    answer = (url) =>
      url === "/robots.txt"
        ? { status: 404 }
        : url === "/moved"
          ? { status: 200, body: testBook() }
          : { status: 302, headers: { location: "/moved" } };
    expect(await fromServer()).toHaveLength(1);
    await rm(join(folder, "cache"), { recursive: true });
    answer = (url) =>
      url === "/robots.txt" ? { status: 404 } : { status: 302, headers: { location: `${url}x` } };
    await expect(fromServer()).rejects.toMatchObject({ code: "collect/too-many-redirects" });
    for (const target of [
      "http://10.0.0.1/x",
      "http://169.254.169.254/latest",
      "http://[::1]/x",
      "http://localhost/x",
      "http://[::ffff:10.0.0.1]/",
    ]) {
      answer = (url) =>
        url === "/robots.txt" ? { status: 404 } : { status: 302, headers: { location: target } };
      await expect(fromServer(), target).rejects.toMatchObject({ code: "collect/private-address" });
    }
  });

  test("a damaged file in the cache is fetched anew; the network is off unless asked", async () => {
    answer = (url) => (url === "/robots.txt" ? { status: 404 } : { status: 200, body: testBook() });
    await fromServer();
    const { readdir } = await import("node:fs/promises");
    const [body] = (await readdir(join(folder, "cache"))).filter((name) => name.endsWith(".body"));
    await writeFile(join(folder, "cache", body!), "half");
    expect((await fromServer())[0]!.text).toContain("The captain");
    await expect(collect({ mirror: base })).rejects.toMatchObject({
      code: "collect/network-off",
      hint: expect.stringContaining("data.network=true") as string,
    });
  });
});
