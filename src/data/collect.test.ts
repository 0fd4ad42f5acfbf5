import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { readJsonl } from "../core/jsonl.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import { runStage } from "../core/stage.ts";
import { collect } from "./collect.ts";
import { testBook } from "./sources/test-book.ts";
import { startTestServer } from "./sources/test-server.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-collect-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const training = { steps: 1, learningRate: 1e-3 };
const recipeOf = (sources: unknown[]): Recipe =>
  parseRecipe(
    {
      name: "t",
      data: { root: folder, sources },
      base: { kind: "scratch", training },
      train: training,
    },
    "test",
  );

async function run(
  recipe: Recipe,
  name: string,
  signal = new AbortController().signal,
  onEvent: (event: RunEvent) => void = () => {},
): Promise<void> {
  for await (const event of runStage(collect, recipe, runDir(join(folder, "runs", name)), signal))
    onEvent(event);
}

/** Names and bytes of the collected documents. */
async function files(name: string): Promise<Record<string, string>> {
  const root = join(folder, "runs", name, "collect", "documents");
  const found: Record<string, string> = {};
  for (const file of await readdir(root)) found[file] = await readFile(join(root, file), "utf8");
  return found;
}

/** Two sources: books, and a dump large enough to be interrupted in. */
async function makeData(): Promise<Recipe> {
  const works = [9001, 9002].map((id) => ({
    id,
    title: "The Slow Boat",
    author: "Ada Finch",
    role: "neutral",
  }));
  for (const { id } of works) {
    await mkdir(join(folder, "gutenberg", String(id)), { recursive: true });
    await writeFile(join(folder, "gutenberg", String(id), `${id}-0.txt`), testBook({ id }));
  }
  await mkdir(join(folder, "reddit"));
  const posts = (name: string): string =>
    [
      "id,title,subreddit",
      ...Array.from(
        { length: 1000 },
        (_, i) => `${name}${i},"Man ${name}, ${i}, Waits For Rain",TheOnion`,
      ),
    ].join("\n");
  for (const name of ["a", "b", "c"])
    await writeFile(join(folder, "reddit", `${name}.csv`), posts(name));
  return recipeOf([
    { kind: "gutenberg", works },
    { kind: "reddit-csv", files: ["a.csv", "b.csv", "c.csv"] },
  ]);
}

describe("the recipe", () => {
  const message = (sources: unknown[]): string => {
    try {
      collect.config(recipeOf(sources));
    } catch (error) {
      if (error instanceof TwainError && error.code === "recipe/invalid") return error.message;
      throw error;
    }
    return "valid";
  };

  test("names the path and the nearest known key", () => {
    const works = [{ id: 1, title: "T", author: "A", role: "style" }];
    const good = { kind: "gutenberg", works };
    expect(message([good])).toBe("valid");
    expect(message([good, { kind: "gutenberg", wokrs: works }])).toMatch(
      /data\.sources\[1\]\.wokrs: unknown key \(did you mean works\?\)/,
    );
    expect(message([{ kind: "gutenbreg", works }])).toMatch(
      /data\.sources\[0\]\.kind: unknown source gutenbreg \(did you mean gutenberg\?\)/,
    );
    expect(message([{ kind: "gutenberg", works: [{ ...works[0], rol: "style" }] }])).toMatch(
      /data\.sources\[0\]\.works\[0\]\.rol: unknown key \(did you mean role\?\)/,
    );
    expect(message([{ kind: "bundled", sets: ["twains"] }])).toMatch(
      /data\.sources\[0\]\.sets\[0\]/,
    );
  });
});

describe("the stage", () => {
  test("writes valid documents, and the same bytes again elsewhere", async () => {
    const recipe = await makeData();
    const tallies: RunEvent[] = [];
    await run(recipe, "one", undefined, (event) => event.type === "tally" && tallies.push(event));
    await run(recipe, "two");
    expect(await files("two")).toEqual(await files("one"));
    let count = 0;
    for await (const document of readJsonl(
      join(folder, "runs", "one", "collect", "documents", "1-reddit-csv.jsonl"),
      Document,
    )) {
      if (document.kind === "headline") count++;
    }
    expect(count).toBe(3000);
    expect(tallies).toEqual([
      { type: "tally", stage: "collect", step: "0-gutenberg", kept: 2, dropped: {} },
      { type: "tally", stage: "collect", step: "1-reddit-csv", kept: 3000, dropped: {} },
    ]);
  });

  test("stopped anywhere and run again, it ends with the same bytes and repeats no finished source", async () => {
    const recipe = await makeData();
    await run(recipe, "whole");
    const whole = await files("whole");
    for (const stopAt of [1, 2, 3, 4, 5]) {
      const name = `stopped-${stopAt}`;
      const stop = new AbortController();
      let seen = 0;
      await expect(
        run(recipe, name, stop.signal, () => ++seen === stopAt && stop.abort()),
      ).rejects.toThrow(/abort/i);
      const partial = await files(name).catch(() => ({}));
      // Nothing half-written under a final name, and no temporary file left behind.
      for (const [file, content] of Object.entries(partial))
        expect(whole[file], file).toBe(content);
      const kept = "0-gutenberg.jsonl.json" in partial;
      const before =
        kept &&
        (await stat(join(folder, "runs", name, "collect", "documents", "0-gutenberg.jsonl")))
          .mtimeMs;
      await run(recipe, name);
      expect(await files(name)).toEqual(whole);
      if (kept)
        expect(
          (await stat(join(folder, "runs", name, "collect", "documents", "0-gutenberg.jsonl")))
            .mtimeMs,
        ).toBe(before);
    }
  });

  test("a kill leaves files without a sidecar or with another's bytes: both are made again", async () => {
    const recipe = await makeData();
    await run(recipe, "whole");
    const whole = await files("whole");
    const root = join(folder, "runs", "whole", "collect");
    await rm(join(root, "manifest.json"));
    await rm(join(root, "documents", "0-gutenberg.jsonl.json"));
    await writeFile(
      join(root, "documents", "1-reddit-csv.jsonl"),
      whole["1-reddit-csv.jsonl"]!.slice(0, 5000),
    );
    await writeFile(join(root, "documents", "1-reddit-csv.jsonl.3fa9.tmp"), "half a li");
    await run(recipe, "whole");
    expect(await files("whole")).toEqual(whole);
  });

  test("a changed input is collected again, an unchanged one is kept", async () => {
    const recipe = await makeData();
    await run(recipe, "one");
    await writeFile(
      join(folder, "reddit", "a.csv"),
      "id,title,subreddit\nz1,Cloud Resigns After Long Career,TheOnion",
    );
    const notices: string[] = [];
    await run(
      recipe,
      "one",
      undefined,
      (event) => event.type === "notice" && notices.push(event.message),
    );
    expect(notices).toEqual(["0-gutenberg: kept from before"]);
    expect((await files("one"))["1-reddit-csv.jsonl"]).toContain("Cloud Resigns");
    notices.length = 0;
    await run(
      recipe,
      "one",
      undefined,
      (event) => event.type === "stage-skip" && notices.push(event.reason),
    );
    expect(notices).toEqual(["up to date"]);
  });

  test("reads the texts that ship with the package", async () => {
    await run(recipeOf([{ kind: "bundled", sets: ["franklin", "headlines"] }]), "bundled");
    for await (const document of readJsonl(
      join(folder, "runs", "bundled", "collect", "documents", "0-bundled.jsonl"),
      Document,
    )) {
      expect(document.licence).toBe("CC0-1.0");
      expect(document.text.length).toBeGreaterThan(5);
      expect(document.extra.persona).toBe(
        document.id.includes("franklin") ? "franklin" : undefined,
      );
    }
  });
});

test("contact and private hosts are the recipe's, and decide nothing about what was collected", async () => {
  const server = await startTestServer();
  try {
    const body = "<rss><channel><item><title>Fog Wins Award</title></item></channel></rss>";
    server.answer = (url) => (url === "/f.xml" ? { status: 200, body } : { status: 404 });
    const feeds = [{ url: `${server.base}/f.xml`, licence: "CC0-1.0" }];
    const recipe = recipeOf([{ kind: "feed", feeds, delaySeconds: 0 }]);
    const asking = (more: Partial<Recipe["data"]>): Recipe => ({
      ...recipe,
      data: { ...recipe.data, network: true, ...more },
    });
    await expect(run(asking({}), "feed")).rejects.toMatchObject({
      code: "collect/private-address",
    });
    expect(server.requests).toEqual([]);
    const own = { privateHosts: [new URL(server.base).host], contact: "ada@finch.example" };
    await run(asking(own), "feed");
    expect(server.headers.at(-1)!["user-agent"]).toContain("+ada@finch.example");
    const skips: string[] = [];
    await run(asking({ contact: "bo@finch.example" }), "feed", undefined, (event) => {
      if (event.type === "stage-skip") skips.push(event.reason);
    });
    expect(skips).toEqual(["up to date"]);
  } finally {
    await server.close();
  }
});

test("an optional source without its folder is left out and says so; with it, it must give documents", async () => {
  const dumps = { kind: "reddit-csv", files: ["none.csv"] };
  const sources = (optional: boolean): unknown[] => [
    { ...dumps, optional },
    { kind: "bundled", sets: ["franklin"] },
  ];
  const rootless = (optional: boolean): Recipe => {
    const recipe = recipeOf(sources(optional));
    const { root: _root, ...data } = recipe.data;
    return { ...recipe, data };
  };
  const events: RunEvent[] = [];
  await run(rootless(true), "optional", undefined, (event) => events.push(event));
  expect(Object.keys(await files("optional"))).toContain("1-bundled.jsonl");
  const notices = events.flatMap((event) => (event.type === "notice" ? [event.message] : []));
  expect(notices.join()).toContain("without none.csv");

  await expect(run(rootless(false), "needed")).rejects.toMatchObject({ code: "collect/no-root" });
  await expect(run(recipeOf(sources(true)), "gone")).rejects.toMatchObject({
    code: "collect/missing-file",
  });
});
