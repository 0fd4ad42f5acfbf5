import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jokeapi } from "./jokeapi.ts";
import { type TestCollection, testCollect } from "./test-collect.ts";
import { type TestServer, startTestServer } from "./test-server.ts";

let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-jokes-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const NO_FLAGS = {
  nsfw: false,
  religious: false,
  political: false,
  racist: false,
  sexist: false,
  explicit: false,
};
interface TestJoke {
  id: number;
  category: string;
  flags: Record<string, boolean>;
  safe: boolean;
  lang: string;
  [key: string]: unknown;
}
const single = (id: number, more: Record<string, unknown> = {}): TestJoke => ({
  id,
  category: "Pun",
  type: "single",
  joke: `Cloud ${id} has a light heart.\n`,
  flags: NO_FLAGS,
  safe: true,
  lang: "en",
  ...more,
});
const twopart = (id: number, more: Record<string, unknown> = {}): TestJoke => ({
  ...single(id),
  type: "twopart",
  joke: undefined,
  setup: ` Why did fog ${id} leave?`,
  delivery: "It was mist. ",
  ...more,
});

/** A service with these jokes, which filters as the real one does, or not at all. */
function serve(jokes: TestJoke[], filters = true): void {
  server.answer = (path) => {
    const url = new URL(path, server.base);
    if (url.pathname === "/info")
      return {
        status: 200,
        body: JSON.stringify({
          error: false,
          version: "2.3.3",
          jokes: {
            totalCount: jokes.length,
            idRange: { en: [0, Math.max(...jokes.map(({ id }) => id))], de: [0, 34] },
          },
        }),
      };
    if (!url.pathname.startsWith("/joke/")) return { status: 404 };
    const categories = url.pathname.slice(6).split(",");
    const blocked = url.searchParams.get("blacklistFlags")?.split(",") ?? [];
    const [from, to] = url.searchParams.get("idRange")!.split("-").map(Number);
    const found = jokes.filter(
      (joke) =>
        joke.id >= from! &&
        joke.id <= to! &&
        (!filters ||
          (categories.includes(joke.category) &&
            !blocked.some((flag) => joke.flags[flag]) &&
            (joke.safe || !url.searchParams.has("safe-mode")))),
    );
    if (found.length === 0)
      return {
        status: 400,
        body: JSON.stringify({
          error: true,
          internalError: false,
          code: 106,
          message: "No matching joke found",
          causedBy: ["No jokes were found"],
          additionalInfo: "none",
          timestamp: 1,
        }),
      };
    return {
      status: 200,
      body: JSON.stringify({ error: false, amount: found.length, jokes: found.toReversed() }),
    };
  };
}

const collect = (config: Record<string, unknown> = {}, network = true): Promise<TestCollection> =>
  testCollect(
    jokeapi,
    { base: server.base, delaySeconds: 0, ...config },
    { cacheDir: join(folder, "cache"), network },
  );

test("all jokes in order, setup and punchline whole, licence and terms with each", async () => {
  serve([...Array.from({ length: 12 }, (_, i) => single(i)), twopart(35)]);
  const { documents, bad } = await collect();
  expect(bad).toEqual({});
  expect(documents.map(({ id }) => id)).toEqual([
    ...Array.from({ length: 12 }, (_, i) => `jokeapi:en:${i}`),
    "jokeapi:en:35",
  ]);
  expect(documents[0]!.text).toBe("Cloud 0 has a light heart.");
  expect(documents[12]).toMatchObject({
    kind: "joke",
    text: "Why did fog 35 leave?\nIt was mist.",
    licence: "MIT (JokeAPI)",
    url: `${server.base}/joke/Any?lang=en&idRange=35`,
    extra: {
      category: "Pun",
      setup: "Why did fog 35 leave?",
      punchline: "It was mist.",
      terms: expect.stringContaining("LICENSE") as string,
    },
  });
  // robots.txt, /info and four ranges, of which one is empty; a second run asks for nothing.
  expect(server.requests).toHaveLength(6);
  for (const url of server.requests.slice(2)) expect(url).toContain("&safe-mode&idRange=");
  expect((await collect()).documents).toEqual(documents);
  expect(server.requests).toHaveLength(6);
});

test("flags, safe mode and categories hold even where the service forgets them", async () => {
  const jokes = [
    single(0),
    single(1, { flags: { ...NO_FLAGS, racist: true } }),
    single(2, { safe: false }),
    single(3, { category: "Dark" }),
    single(4, { lang: "de" }),
    twopart(5, { delivery: " " }),
    single(6, { type: "single", joke: undefined }),
    single(7, { flags: { ...NO_FLAGS, political: true } }),
  ];
  serve(jokes, false);
  const ids = async (config: Record<string, unknown>): Promise<string[]> =>
    (await collect(config)).documents.map(({ id }) => id);
  expect((await collect()).bad).toEqual({
    "flagged racist": 1,
    "flagged political": 1,
    "not safe": 1,
    "another category": 1,
    "another language": 1,
    "no setup or punchline": 1,
    "no text": 1,
  });
  expect(await ids({})).toEqual(["jokeapi:en:0"]);
  const open = await collect({ safe: false, flags: ["racist"], categories: ["Pun", "Dark"] });
  expect(open.documents.map(({ id }) => id)).toEqual([0, 2, 3, 7].map((id) => `jokeapi:en:${id}`));
  expect(open.documents[3]!.extra.flags).toBe("political");
  serve(jokes);
  await rm(join(folder, "cache"), { recursive: true });
  expect((await collect({ maxJokes: 1 })).documents).toHaveLength(1);
});

test("one joke in a range stands at the top of the answer", async () => {
  serve([single(0)]);
  const { answer } = server;
  server.answer = (url, count) =>
    url.startsWith("/joke/")
      ? { status: 200, body: JSON.stringify({ error: false, ...single(0) }) }
      : answer(url, count);
  expect((await collect()).documents).toHaveLength(1);
});

test("what is no JokeAPI, an error of it, an unknown language and no network say so", async () => {
  server.answer = (url) => (url === "/robots.txt" ? { status: 404 } : { status: 200, body: "<p>" });
  await expect(collect()).rejects.toMatchObject({ code: "collect/bad-answer" });
  await rm(join(folder, "cache"), { recursive: true });
  serve([single(0)]);
  await expect(collect({ language: "xx" })).rejects.toMatchObject({
    code: "collect/bad-answer",
    message: expect.stringContaining("it has en, de") as string,
  });
  const { answer } = server;
  server.answer = (url, count) =>
    url.startsWith("/joke/")
      ? { status: 400, body: JSON.stringify({ error: true, code: 107, additionalInfo: "odd" }) }
      : answer(url, count);
  await expect(collect()).rejects.toMatchObject({
    code: "collect/bad-answer",
    message: expect.stringContaining("error 107: odd") as string,
  });
  server.answer = () => ({ status: 404 });
  await rm(join(folder, "cache"), { recursive: true });
  await expect(collect()).rejects.toMatchObject({ code: "collect/missing-feed" });
  const before = server.requests.length;
  await expect(collect({}, false)).rejects.toMatchObject({ code: "collect/network-off" });
  expect(server.requests).toHaveLength(before);
});
