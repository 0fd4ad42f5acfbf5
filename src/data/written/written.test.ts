import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ConversationRow } from "../../core/conversation.ts";
import { Document } from "../../core/document.ts";
import type { RunEvent } from "../../core/events.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { packageRoot } from "../../core/package-root.ts";
import { PreferenceRow } from "../../core/preference.ts";
import { type Recipe, parseRecipe } from "../../core/recipe.ts";
import { type RunDir, runDir } from "../../core/run-dir.ts";
import { runStage } from "../../core/stage.ts";
import { collect } from "../collect.ts";
import { curate } from "../curate.ts";
import { why } from "../why.ts";
import { type TestEndpoint, scriptedAuthor, startTestEndpoint } from "./test-endpoint.ts";

const training = { steps: 1, learningRate: 1e-3 };
const KINDS = {
  "style-transfer": 3,
  "weather-humour": 3,
  hybrid: 6,
  paraphrase: 6,
  "back-translation": 3,
  contrast: 6,
};

let server: TestEndpoint;
let folder: string;
/** Each test has a cache of its own. */
let runs: string;
beforeAll(async () => {
  server = await startTestEndpoint();
  folder = await mkdtemp(join(tmpdir(), "twainbot-written-"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  runs = await mkdtemp(join(folder, "runs-"));
  server.requests = [];
  server.most = 0;
  server.answer = scriptedAuthor;
});

function recipeOf(written: object = {}, more: object = {}): Recipe {
  return parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "bundled", sets: ["franklin", "neutral"] }] },
      curate: {
        episodes: { train: 20, cases: 2 },
        written: {
          endpoint: { url: server.url, model: "scripted", terms: "CC0, a script" },
          kinds: KINDS,
          cap: "off",
          attempts: 2,
          ...written,
        },
      },
      base: { kind: "folder", path: "x" },
      train: training,
      ...more,
    },
    "test",
  );
}

async function run(
  recipe: Recipe,
  name: string,
  signal = new AbortController().signal,
): Promise<{ dir: RunDir; events: RunEvent[] }> {
  const dir = runDir(join(runs, name));
  const events: RunEvent[] = [];
  await curate.check!(recipe, dir);
  for await (const event of runStage(collect, recipe, dir, signal)) events.push(event);
  for await (const event of runStage(curate, recipe, dir, signal)) events.push(event);
  return { dir, events };
}

/** Every byte that a run leaves but its manifest. */
async function contents(dir: RunDir): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const root of [dir.dataset.root, dirname(dir.ledger)]) {
    for (const name of await readdir(root))
      if (name !== "manifest.json") found[name] = await readFile(join(root, name), "utf8");
  }
  return found;
}

async function rowsOf(dir: RunDir): Promise<ConversationRow[]> {
  const rows: ConversationRow[] = [];
  for (const name of ["train", "valid", "test"] as const)
    for await (const row of readJsonl(dir.dataset[name], ConversationRow)) rows.push(row);
  return rows;
}
const written = (rows: readonly ConversationRow[]): ConversationRow[] =>
  rows.filter(({ meta }) => meta.written);
const notices = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === "notice" ? [event.message] : []));

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no error",
    (error: unknown) => (error as { code?: string }).code ?? error,
  );

test("every kind: labelled rows, pairs, stories, a card, and the same bytes for any concurrency", async () => {
  const { dir } = await run(recipeOf({ concurrency: 1 }), "one");
  const rows = written(await rowsOf(dir));
  for (const kind of [
    "style-transfer",
    "weather-humour",
    "hybrid",
    "paraphrase",
    "back-translation",
  ])
    expect(
      rows.filter(({ meta }) => meta.template?.startsWith(`${kind}:`)).length,
      kind,
    ).toBeGreaterThan(0);
  for (const { tags, meta, id } of rows) {
    expect(tags).toMatchObject({ source: "written", synthetic: true });
    expect(meta.licence).toContain("CC0, a script");
    expect(meta.written).toMatchObject({ model: "scripted", terms: "CC0, a script" });
    expect(meta.written!.prompt).toMatch(/^[a-z-]+@[0-9a-f]{8}$/);
    expect(meta.parents[0]).toBe(id.replace(/^row-/, ""));
  }
  const pairs: PreferenceRow[] = [];
  for await (const pair of readJsonl(dir.contrast, PreferenceRow)) pairs.push(pair);
  expect(pairs.map(({ meta }) => meta.template?.split(":")[0])).toContain("contrast-wrong");
  expect(pairs.every(({ meta }) => meta.written)).toBe(true);
  const card = await readFile(dir.dataset.card, "utf8");
  expect(card).toContain("## Written by a language model");
  expect(card).toContain("| hybrid | 6 | 6 |");

  const style = rows.find(({ meta }) => meta.template?.startsWith("style-transfer"))!;
  const signal = new AbortController().signal;
  expect(await why(dir, style.id, signal)).toMatchObject({
    type: "row",
    parents: [
      { id: style.meta.parents[0], written: { model: "scripted" } },
      { id: style.meta.parents[1], kind: "passage" },
    ],
  });
  expect(await why(dir, style.meta.parents[0]!, signal)).toMatchObject({
    type: "record",
    outcome: "kept",
    text: style.messages.at(-1)!.content,
    rows: [{ id: style.id }],
    written: { prompt: style.meta.written!.prompt },
  });

  const asked = server.requests.length;
  runs = await mkdtemp(join(folder, "runs-"));
  const { dir: many } = await run(recipeOf({ concurrency: 16 }), "many");
  expect(server.most).toBeGreaterThan(1);
  expect(server.requests).toHaveLength(2 * asked);
  expect(await contents(many)).toEqual(await contents(dir));

  // Neither another run beside it nor other episodes and checks ask again, and another pace is no change.
  const changed = recipeOf();
  changed.curate.episodes.train = 30;
  changed.curate.maxLoss = 0.5;
  await run(changed, "changed");
  expect(server.requests).toHaveLength(2 * asked);
  const { events } = await run(recipeOf({ concurrency: 5 }), "many");
  expect(events.filter(({ type }) => type === "stage-skip")).toHaveLength(2);
});

test("few failures do not stop a run; they and bad answers are told of, and asked for again where none is allowed", async () => {
  let broken = "";
  let bad = "";
  const mumble = "The sky is blue.";
  server.answer = (asked) => {
    const question = asked.messages[1]!.content;
    broken ||= question;
    if (question === broken) return { status: 400 };
    bad ||= question;
    return question === bad ? mumble : scriptedAuthor(asked);
  };
  const kinds = { hybrid: 10 };
  const { dir } = await run(recipeOf({ kinds, maxFailures: 0.1, concurrency: 1 }), "few");
  expect(await readFile(dir.ledger, "utf8")).toContain('"reason":"failed: refused"');
  expect(await readFile(dir.failures, "utf8")).toContain('"class":"refused","attempts":1');
  expect(written(await rowsOf(dir))).toHaveLength(8);

  const texts: Document[] = [];
  for await (const text of readJsonl(dir.written, Document)) texts.push(text);
  const dropped = texts.find(({ text }) => text === mumble)!;
  expect(await why(dir, dropped.id, new AbortController().signal)).toMatchObject({
    outcome: "dropped",
    reason: "write: prose instead of JSON",
    text: mumble,
    written: { model: "scripted", sample: 1 },
    verdicts: [{ numbers: { tries: 2 } }],
    rows: [],
  });
  expect(await readFile(dir.manifest("curate"), "utf8")).toContain(
    '"written write: prose instead of JSON": 1',
  );
  expect(await readFile(dir.dataset.card, "utf8")).toContain("1 write: prose instead of JSON");

  const before = server.requests.length;
  const none = recipeOf({ kinds, maxFailures: 0 });
  expect(await codeOf(run(none, "few"))).toBe("data/endpoint-failures");
  expect(server.requests.length - before).toBe(1);
  expect(await readFile(dir.failures, "utf8")).toContain('"class":"refused","attempts":2');
  server.answer = scriptedAuthor;
  await run(none, "few");
  expect(server.requests.length - before).toBe(2);
  expect(written(await rowsOf(dir))).toHaveLength(9);
  expect(await readdir(dirname(dir.ledger))).not.toContain("failures.jsonl");
});

test("written texts are capped by what people wrote", async () => {
  await mkdir(join(folder, "texts"), { recursive: true });
  const lines = Array.from({ length: 4 }, (_, i) =>
    JSON.stringify({
      text: `The ${["baker", "ferryman", "schoolmaster", "printer"][i]} of our town kept a ledger of the weather for ${i + 20} years, and read it aloud at weddings until nobody would invite him, which he took for a kind of fog.`,
    }),
  );
  await writeFile(join(folder, "texts", "own.jsonl"), lines.join("\n"));
  const files = [
    { path: "texts/own.jsonl", licence: "CC0-1.0", kind: "passage", persona: "twain" },
  ];
  const data = {
    root: folder,
    sources: [
      { kind: "files", files },
      { kind: "bundled", sets: ["neutral"] },
    ],
  };
  const { dir, events } = await run(
    recipeOf({ cap: 2, kinds: { hybrid: 10, "weather-humour": 10 } }, { data }),
    "t",
  );
  expect(server.requests).toHaveLength(8);
  expect(written(await rowsOf(dir)).length).toBeLessThanOrEqual(8);
  expect(notices(events).join()).toContain("20 texts asked for, 8 planned");
  expect(await codeOf(run(recipeOf({ cap: 2 }), "none"))).toBe("curate/no-human-corpus");
});

test("a recipe that cannot be asked for is told before anything runs", async () => {
  const remote = { url: "https://api.example.org/v1", model: "m", terms: "t" };
  expect(await codeOf(run(recipeOf({ endpoint: remote }), "off"))).toBe("data/endpoint-off");
  const endpoint = { ...remote, url: server.url, apiKeyEnv: "TWAINBOT_NO_SUCH_KEY" };
  expect(await codeOf(run(recipeOf({ endpoint }), "key"))).toBe("data/endpoint-key");
  await expect(run(recipeOf({ kinds: { hybrids: 3 } }), "typo")).rejects.toThrow(
    /did you mean hybrid/,
  );
});

test("a model that writes nothing of use is an error that says what it wrote", async () => {
  server.answer = () => "Rain, rain, rain.";
  expect(await codeOf(run(recipeOf({ kinds: { hybrid: 3 } }), "t"))).toBe("curate/nothing-written");
  expect(await readFile(runDir(join(runs, "t")).ledger, "utf8")).toContain("Rain, rain, rain.");
});

test("kill -9 and start again: the same bytes, and no answer asked for twice", async () => {
  const file = join(runs, "recipe.json");
  const kinds = { hybrid: 16, "back-translation": 6 };
  await writeFile(file, JSON.stringify({ ...recipeOf({ kinds, concurrency: 3 }), name: "t" }));
  for (const after of [7]) {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "src/data/written/test-run.ts", file, runs],
      { cwd: packageRoot(), stdio: "ignore" },
    );
    const ended = new Promise((resolve) => child.once("exit", resolve));
    server.answer = async (asked) => {
      if (server.requests.length >= after) child.kill("SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 5));
      return scriptedAuthor(asked);
    };
    await ended;
  }
  server.answer = scriptedAuthor;
  const { dir } = await run(parseRecipe(JSON.parse(await readFile(file, "utf8")), file), "t");
  const survived = await contents(dir);
  // Of each kill, at most what was in flight was asked again.
  const messages = server.requests.map((asked) => JSON.stringify(asked.messages));
  expect(messages.length - new Set(messages).size).toBeLessThanOrEqual(3);
  runs = await mkdtemp(join(folder, "runs-"));
  const { dir: whole } = await run(
    parseRecipe(JSON.parse(await readFile(file, "utf8")), file),
    "t",
  );
  expect(await contents(whole)).toEqual(survived);
});
