import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { redditCsv } from "./reddit-csv.ts";
import { redditListing } from "./reddit-listing.ts";
import { type TestCollection, testCollect } from "./test-collect.ts";
import { type TestServer, startTestServer } from "./test-server.ts";

let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-listing-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const collect = (config: Record<string, unknown> = {}, network = true): Promise<TestCollection> =>
  testCollect(
    redditListing,
    { subreddits: ["TheOnion"], base: server.base, delaySeconds: 0, ...config },
    { cacheDir: join(folder, "cache"), network },
  );

/** A post with the fields that a listing's posts have and this source reads, and a few that it does not. */
const post = (id: string, more: Record<string, unknown> = {}): unknown => ({
  kind: "t3",
  data: {
    approved_at_utc: null,
    subreddit: "TheOnion",
    selftext: "",
    author_fullname: "t2_abc",
    title: `Headline Number ${id}`,
    name: `t3_${id}`,
    id,
    score: 12,
    permalink: `/r/TheOnion/comments/${id}/headline/`,
    url: "https://www.theonion.com/x",
    created_utc: 1545089481.0,
    num_comments: 3,
    stickied: false,
    over_18: false,
    removed_by_category: null,
    ...more,
  },
});

const listing = (children: unknown[], after: string | null = null): string =>
  JSON.stringify({
    kind: "Listing",
    data: { after, before: null, dist: children.length, modhash: "", geo_filter: "", children },
  });

/** Serves pages by their `after`; every other path is not there. */
const serve = (pages: Record<string, string>, subreddit = "TheOnion"): void => {
  server.answer = (path) => {
    const url = new URL(path, server.base);
    const body =
      url.pathname === `/r/${subreddit}/new.json` && url.searchParams.get("limit") === "100"
        ? pages[url.searchParams.get("after") ?? ""]
        : undefined;
    return body === undefined ? { status: 404 } : { status: 200, body };
  };
};

test("follows the pages to their end; posts look as they do from a dump", async () => {
  serve({ "": listing([post("a1"), post("a2")], "t3_a2"), t3_a2: listing([post("a3")]) });
  const { documents, bad } = await collect();
  expect(documents.map(({ id }) => id)).toEqual([
    "reddit:TheOnion:a1",
    "reddit:TheOnion:a2",
    "reddit:TheOnion:a3",
  ]);
  expect(bad).toEqual({});
  expect(server.requests).toEqual([
    "/robots.txt",
    "/r/TheOnion/new.json?limit=100&after=",
    "/r/TheOnion/new.json?limit=100&after=t3_a2",
  ]);

  await mkdir(join(folder, "reddit"));
  await writeFile(
    join(folder, "reddit", "posts.csv"),
    "created_utc,url,id,num_comments,title,subreddit\n1545089481,https://www.reddit.com/r/TheOnion/comments/a1/headline/,a1,3,Headline Number a1,TheOnion",
  );
  const dump = await testCollect(
    redditCsv,
    { files: ["posts.csv"] },
    { cacheDir: folder, root: folder },
  );
  const { fetchedAt, ...live } = documents[0]!;
  expect(fetchedAt).toMatch(/^\d{4}-/);
  expect({ ...live, source: "reddit-csv" }).toEqual(dump.documents[0]);
});

test("what is not wanted is left out with its reason", async () => {
  serve({
    "": listing([
      post("a1"),
      post("a2", { stickied: true }),
      post("a3", { removed_by_category: "moderator" }),
      post("a4", { title: "[ Removed by Reddit ]" }),
      post("a5", { selftext: "[deleted]" }),
      post("a6", { over_18: true }),
      post("a1"),
      post("a7", { title: " " }),
      post("a8", { title: undefined }),
      post("a9", { id: "../x" }),
      { kind: "t1", data: { body: "a comment" } },
      post("b1", { title: "[Removed] Statue Returns On Its Own" }),
    ]),
  });
  const { documents, bad } = await collect();
  expect(documents.map(({ id }) => id)).toEqual(["reddit:TheOnion:a1", "reddit:TheOnion:b1"]);
  expect(bad).toEqual({
    stickied: 1,
    removed: 3,
    "over 18": 1,
    "repeated id": 1,
    "no title": 1,
    "not a post": 2,
    "no id": 1,
  });
});

test("stops after the recipe's pages, and where the pages go in a circle", async () => {
  server.answer = (path) => {
    if (path === "/robots.txt") return { status: 404 };
    const after = new URL(path, server.base).searchParams.get("after")!;
    const n = Number(after.slice(3) || 0) + 1;
    return { status: 200, body: listing([post(`p${n}`)], `t3_${n}`) };
  };
  expect((await collect({ pages: 4 })).documents).toHaveLength(4);
  expect(server.requests).toHaveLength(5);
  await rm(join(folder, "cache"), { recursive: true });
  server.requests.length = 0;
  serve({
    "": listing([post("a1")], "t3_x"),
    t3_x: listing([post("a2")], "t3_y"),
    t3_y: listing([post("a3")], "t3_x"),
  });
  const { documents, bad } = await collect({ pages: 10 });
  expect(documents).toHaveLength(3);
  expect(bad).toEqual({ "pages go in a circle": 1 });
  expect(server.requests).toHaveLength(4);
});

test("429 is waited out as long as the host asks", async () => {
  server.answer = (url, count) =>
    url === "/robots.txt"
      ? { status: 404 }
      : count === 1
        ? { status: 429, headers: { "retry-after": "1" }, body: '{"message":"Too Many Requests"}' }
        : { status: 200, body: listing([post("a1")]) };
  const started = performance.now();
  expect((await collect()).documents).toHaveLength(1);
  expect(performance.now() - started).toBeGreaterThan(900);
  expect(server.requests).toHaveLength(3);
});

test("robots.txt as reddit.com has it refuses before any listing is asked for", async () => {
  server.answer = (url) =>
    url === "/robots.txt"
      ? { status: 200, body: "User-agent: *\nDisallow: /\n" }
      : { status: 200, body: listing([post("a1")]) };
  await expect(collect()).rejects.toMatchObject({
    code: "collect/robots-refused",
    hint: expect.stringContaining("reddit-csv") as string,
  });
  expect(server.requests).toEqual(["/robots.txt"]);
});

test("what is no listing, is missing, forbidden or switched off is an error that says so", async () => {
  for (const body of [
    "<html>blocked</html>",
    "",
    '{"error":403}',
    '{"kind":"Listing","data":{}}',
  ]) {
    serve({ "": body });
    await expect(collect({ maxAgeHours: 0 }), body).rejects.toMatchObject({
      code: "collect/bad-listing",
    });
  }
  serve({});
  await expect(collect({ subreddits: ["nowhere"] })).rejects.toMatchObject({
    code: "collect/missing-feed",
    message: expect.stringContaining("/r/nowhere/") as string,
  });
  server.answer = (url) => ({ status: url === "/robots.txt" ? 404 : 403 });
  await expect(collect({ subreddits: ["private"] })).rejects.toMatchObject({
    code: "collect/refused",
    message: expect.stringContaining("403") as string,
  });
  await expect(collect({}, false)).rejects.toMatchObject({ code: "collect/network-off" });
  expect(
    redditListing.schema.safeParse({ kind: "reddit-listing", subreddits: ["../x"] }).success,
  ).toBe(false);
});
