import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
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
import { writeOnce } from "./test-write.ts";

// They curate, and some start processes.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

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
const newRuns = async (): Promise<void> => {
  runs = await mkdtemp(join(folder, "runs-"));
};
beforeAll(async () => {
  server = await startTestEndpoint();
  folder = await mkdtemp(join(tmpdir(), "twainbot-written-"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await newRuns();
  server.requests = [];
  server.most = 0;
  server.answer = scriptedAuthor;
});

function recipeOf(written: object = {}, name = "t"): Recipe {
  return parseRecipe(
    {
      name,
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
    },
    "test",
  );
}

/** The whole of both stages. */
async function run(recipe: Recipe): Promise<{ dir: RunDir; events: RunEvent[] }> {
  const dir = runDir(join(runs, recipe.name));
  const events: RunEvent[] = [];
  const { signal } = new AbortController();
  await curate.check!(recipe, dir, signal);
  for await (const event of runStage(collect, recipe, dir, signal)) events.push(event);
  for await (const event of runStage(curate, recipe, dir, signal)) events.push(event);
  return { dir, events };
}

/** The model's part alone, from texts of the shipped corpus: what it made, and the bytes it left. */
const write = (recipe: Recipe, people = 0) => writeOnce(recipe, runs, people);

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no error",
    (error: unknown) => (error as { code?: string }).code ?? error,
  );

test("every kind: labelled rows, pairs, a card, and stories of what was kept and what was not", async () => {
  let bad = "";
  const mumble = "The sky is blue.";
  server.answer = (asked) => {
    const { content } = asked.messages[1]!;
    if (asked.messages[0]!.content.includes("You write the answer in")) bad ||= content;
    return content === bad ? mumble : scriptedAuthor(asked);
  };
  const { dir } = await run(recipeOf({ concurrency: 1 }));
  const rows: ConversationRow[] = [];
  for (const name of ["train", "valid", "test"] as const)
    for await (const row of readJsonl(dir.dataset[name], ConversationRow))
      if (row.meta.written) rows.push(row);
  for (const kind of Object.keys(KINDS).slice(0, -1))
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
  for (const { tags, meta } of rows)
    expect(tags.domain === "hybrid").toBe(meta.template!.startsWith("hybrid:"));
  const pairs: PreferenceRow[] = [];
  for await (const pair of readJsonl(dir.contrast, PreferenceRow)) pairs.push(pair);
  expect(pairs.map(({ meta }) => meta.template?.split(":")[0])).toContain("contrast-wrong");
  expect(pairs.every(({ meta }) => meta.written)).toBe(true);
  const card = await readFile(dir.dataset.card, "utf8");
  expect(card).toContain("## Written by a language model");
  expect(card).toContain("| hybrid | 6 | 5 | 1 write: prose instead of JSON |");
  expect(await readFile(dir.manifest("curate"), "utf8")).toContain(
    '"written write: prose instead of JSON": 1',
  );

  const { signal } = new AbortController();
  const style = rows.find(({ meta }) => meta.template?.startsWith("style-transfer"))!;
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
  const texts: Document[] = [];
  for await (const text of readJsonl(dir.written, Document)) texts.push(text);
  const dropped = texts.find(({ text }) => text === mumble)!;
  expect(await why(dir, dropped.id, signal)).toMatchObject({
    outcome: "dropped",
    reason: "write: prose instead of JSON",
    text: mumble,
    written: { model: "scripted", sample: 1 },
    verdicts: [{ numbers: { tries: 2 } }],
    rows: [],
  });

  // Another pace is no change of the stage.
  const asked = server.requests.length;
  const { events } = await run(recipeOf({ concurrency: 5, timeoutSeconds: 9 }));
  expect(events.map(({ type }) => type)).toEqual(["stage-skip", "stage-skip"]);
  expect(server.requests).toHaveLength(asked);
});

test("the same bytes for any concurrency, and no second question for other templates, checks or runs", async () => {
  const one = await write(recipeOf({ concurrency: 1 }));
  const asked = server.requests.length;
  await newRuns();
  expect(await write(recipeOf({ concurrency: 16 }))).toEqual(one);
  expect(server.requests).toHaveLength(2 * asked);
  const changed = recipeOf({ concurrency: 3 }, "beside");
  changed.curate.episodes = { ...changed.curate.episodes, train: 30, cases: 5, dialogues: 1 };
  changed.curate.instructions.maxPerTemplate = 3;
  expect(await write(changed)).toEqual(one);
  expect(server.requests).toHaveLength(2 * asked);
});

test("failures stop a run or, few of them, do not; a resume asks for them alone and counts their attempts", async () => {
  let broken = "";
  server.answer = (asked) => {
    const question = asked.messages[1]!.content;
    broken ||= question;
    return question === broken ? { status: 400 } : scriptedAuthor(asked);
  };
  const kinds = { hybrid: 10 };
  const few = await write(recipeOf({ kinds, maxFailures: 0.1, concurrency: 1 }));
  expect(few.rows).toHaveLength(9);
  expect(few.dropped).toEqual({ "write: failed: refused": 1 });
  expect(few.files["failures.jsonl"]).toContain('"class":"refused","attempts":1');
  expect(server.requests).toHaveLength(10);

  const none = recipeOf({ kinds, maxFailures: 0 });
  expect(await codeOf(write(none))).toBe("data/endpoint-failures");
  expect(server.requests).toHaveLength(11);
  expect(await readFile(runDir(join(runs, "t")).failures, "utf8")).toContain(
    '"class":"refused","attempts":2',
  );
  server.answer = scriptedAuthor;
  const resumed = await write(none);
  expect(server.requests).toHaveLength(12);
  expect(resumed.rows).toHaveLength(10);
  expect(Object.keys(resumed.files)).toEqual(["written.jsonl"]);
  await newRuns();
  expect(await write(none)).toEqual(resumed);
});

test("a budget is told of", async () => {
  const cut = await write(recipeOf({ kinds: { hybrid: 6 }, budget: { requests: 4 } }));
  expect(cut.notices.join()).toContain("the budget ended with 2 of 6");
  expect(cut.dropped).toEqual({ "write: not asked: budget": 2 });
  expect(cut.stats).toMatchObject({ requests: 4, inputTokens: 400, outputTokens: 80 });
});

test("written texts are capped by what people wrote", async () => {
  const kinds = { hybrid: 10, "weather-humour": 10 };
  const { rows, notices } = await write(recipeOf({ cap: 2, kinds }), 4);
  expect(server.requests).toHaveLength(8);
  expect(rows.length).toBeLessThanOrEqual(8);
  expect(notices.join()).toContain("20 texts asked for, 8 planned");
  expect(await codeOf(write(recipeOf({ cap: 2 })))).toBe("curate/no-human-corpus");
});

test("a recipe that cannot be asked for is told before anything runs", async () => {
  const dir = runDir(join(runs, "t"));
  const check = (written: object): Promise<unknown> =>
    codeOf(curate.check!(recipeOf(written), dir, new AbortController().signal));
  const remote = { url: "https://api.example.org/v1", model: "m", terms: "t" };
  expect(await check({ endpoint: remote })).toBe("data/endpoint-off");
  const endpoint = { ...remote, url: server.url, apiKeyEnv: "TWAINBOT_NO_SUCH_KEY" };
  expect(await check({ endpoint })).toBe("data/endpoint-key");
  expect(await check({ kinds: { hybrids: 3 } })).toBe("recipe/invalid");
  expect(await check({})).toBe("no error");
});

test("a model that writes nothing of use is an error that says what it wrote", async () => {
  server.answer = () => "Rain, rain, rain.";
  expect(await codeOf(run(recipeOf({ kinds: { hybrid: 3 } })))).toBe("curate/nothing-written");
  expect(await readFile(runDir(join(runs, "t")).ledger, "utf8")).toContain("Rain, rain, rain.");
});

test("kill -9 and start again: the same bytes, and at most what was in flight is asked for twice", async () => {
  const file = join(runs, "recipe.json");
  const recipe = recipeOf({ kinds: { hybrid: 16, "back-translation": 6 }, concurrency: 3 });
  await writeFile(file, JSON.stringify(recipe));
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "src/data/written/test-write.ts", file, runs],
    { cwd: packageRoot(), stdio: "ignore" },
  );
  const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  server.answer = async (asked) => {
    if (server.requests.length >= 9) child.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 5));
    return scriptedAuthor(asked);
  };
  expect(await ended).toBe("SIGKILL");
  expect(server.requests.length).toBeLessThan(16);
  server.answer = scriptedAuthor;
  const survived = await write(recipe);
  const messages = server.requests.map((asked) => JSON.stringify(asked.messages));
  expect(messages.length - new Set(messages).size).toBeLessThanOrEqual(3);
  await newRuns();
  expect(await write(recipe)).toEqual(survived);
  expect(await readdir(dirname(runDir(join(runs, "t")).written))).toEqual(["written.jsonl"]);
});
