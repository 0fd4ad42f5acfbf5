import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ConversationRow } from "../core/conversation.ts";
import { parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { runStage } from "../core/stage.ts";
import { collect } from "./collect.ts";
import { curate } from "./curate.ts";
import { verifyDataset } from "./verify-dataset.ts";

const signal = new AbortController().signal;
const training = { steps: 1, learningRate: 1e-3 };
let folder: string;
let dir: RunDir;
let gold: ConversationRow[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-verify-"));
  const recipe = parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "bundled", sets: ["franklin"] }] },
      curate: { episodes: { train: 160, cases: 2 } },
      base: { kind: "folder", path: "none" },
      train: training,
    },
    "test",
  );
  dir = runDir(join(folder, "run"));
  for await (const _ of runStage(collect, recipe, dir, signal));
  for await (const _ of runStage(curate, recipe, dir, signal));
  const lines = (await readFile(dir.dataset.train, "utf8")).trim().split("\n");
  gold = lines.map((line) => JSON.parse(line) as ConversationRow);
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a dataset that was just made holds, and its episodes are counted", async () => {
  const found = await verifyDataset(dir.dataset, signal);
  expect(found.failed).toEqual([]);
  expect(found.episodes).toBeGreaterThan(140);
  expect(found.calls).toBeGreaterThan(120);
  expect(found.rows).toBeGreaterThan(found.episodes);
  expect(Object.values(found.domain).reduce((a, b) => a + b, 0)).toBe(found.episodes);
});

const parseLines = async <T>(path: string): Promise<T[]> =>
  (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

/** One check of all of them; each gets an id of its own and the world of the row that it was made from. */
async function verdicts(rows: readonly Json[]): Promise<(string | undefined)[]> {
  const worlds = new Map(
    (await parseLines<{ row: string }>(dir.dataset.worlds)).map((world) => [world.row, world]),
  );
  const other = runDir(join(folder, "mutants"));
  await mkdir(other.dataset.root, { recursive: true });
  const write = (path: string, items: readonly unknown[]): Promise<void> =>
    writeFile(path, items.map((item) => `${JSON.stringify(item)}\n`).join(""));
  await write(
    other.dataset.train,
    rows.map((row, i) => ({ ...row, id: `${i}` })),
  );
  await write(
    other.dataset.worlds,
    rows.flatMap(({ id }, i) => {
      const world = worlds.get(String(id));
      return world ? [{ ...world, row: `${i}` }] : [];
    }),
  );
  await write(other.dataset.valid, []);
  await write(other.dataset.test, []);
  const { failed } = await verifyDataset(other.dataset, signal);
  const reasons = new Map(failed.map(({ row, reason }) => [row, reason]));
  return rows.map((_, i) => reasons.get(`${i}`));
}

type Json = { [key: string]: unknown };

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null;

/** The same value with one leaf changed or one member gone; `where` is the path. */
function* mutants(value: unknown, where: string): Generator<{ where: string; value: unknown }> {
  if (typeof value === "number") yield { where, value: value + 1 };
  else if (typeof value === "boolean") yield { where, value: !value };
  else if (value === null) yield { where, value: "x" };
  else if (typeof value === "string") {
    // Text that is JSON is changed inside: arguments and results.
    if (/^\{.*\}$/s.test(value)) {
      for (const inner of mutants(JSON.parse(value), `${where}.json`))
        yield { where: inner.where, value: JSON.stringify(inner.value) };
    } else yield { where, value: `${value}x` };
  } else if (isRecord(value)) {
    for (const key of Object.keys(value)) {
      const put = (member: unknown): unknown => {
        if (Array.isArray(value))
          return value.map((item, i) => (String(i) === key ? member : item));
        return { ...value, [key]: member };
      };
      const rest = Array.isArray(value)
        ? value.filter((_, i) => String(i) !== key)
        : Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
      // Content that is null may as well be left out.
      if (value[key as keyof typeof value] !== null)
        yield { where: `${where}.${key} gone`, value: rest };
      for (const inner of mutants(value[key as keyof typeof value], `${where}.${key}`))
        yield { where: inner.where, value: put(inner.value) };
    }
  }
}

/** What may change without making a row wrong: how things are worded, and defaults of the format. */
const FREE = [
  /^messages\.\d+\.content$/,
  /^messages\.\d+\.name gone$/,
  /^messages\.\d+\.tool_calls\.\d+\.type gone$/,
  // A row in no voice; a tool that nobody calls.
  /^messages\.0 gone$/,
  /^tools(?:\.\d+)? gone$/,
];

test("every field of messages and tools: another value, or none, is caught", async () => {
  const called = gold.filter((row) => row.messages.some(({ role }) => role === "tool"));
  const made: { where: string; row: Json }[] = [];
  for (const row of called.slice(0, 10)) {
    for (const part of ["messages", "tools"] as const)
      for (const { where, value } of mutants(row[part], part))
        if (!FREE.some((free) => free.test(where)))
          made.push({ where, row: { ...row, [part]: value } });
  }
  expect(made.length).toBeGreaterThan(500);
  const reasons = await verdicts(made.map(({ row }) => row));
  const missed = made.filter((_, i) => reasons[i] === undefined).map(({ where }) => where);
  expect(missed).toEqual([]);
});

/** What a text says of the weather, each word of it changed. */
function* misquoted(text: string): Generator<string> {
  const at = (match: RegExpMatchArray, other: string): string =>
    text.slice(0, match.index) + other + text.slice(match.index! + match[0].length);
  for (const match of text.matchAll(/\d+/g)) yield at(match, String(Number(match[0]) + 41));
  for (const match of text.matchAll(/\b(?:light|heavy) (?=rain|snow|drizzle)/gi))
    yield at(match, /light/i.test(match[0]) ? "heavy " : "light ");
  for (const match of text.matchAll(/\bcelsius|fahrenheit\b/gi))
    yield at(match, /^c/i.test(match[0]) ? "Fahrenheit" : "Celsius");
}

test("numbers, skies, units, places and dates in what is said: another one is caught", async () => {
  const made: { text: string; row: Json }[] = [];
  for (const row of gold.filter(({ tags }) => tags.domain === "tool")) {
    const say = (at: number, content: string): void => {
      const messages = row.messages.map((one, i) => (i === at ? { ...one, content } : one));
      made.push({ text: content, row: { ...row, messages } });
    };
    const last = row.messages.length - 1;
    for (const text of misquoted(String(row.messages[last]!.content))) say(last, text);
    for (const [i, message] of row.messages.entries()) {
      if (message.role !== "assistant" || !message.tool_calls) continue;
      const given = JSON.parse(message.tool_calls[0]!.function.arguments) as Json;
      const result = JSON.parse(String(row.messages[i + 1]!.content)) as Json;
      const city = String(result["location"]).split(",")[0]!;
      const answer = String(row.messages[i + message.tool_calls.length + 1]!.content);
      say(i + message.tool_calls.length + 1, answer.replaceAll(city, "Nineveh"));
      // Of a follow-up's place the message before it speaks.
      const said = String(row.messages[i - 1]!.content);
      for (const value of [given["location"], given["date"]])
        if (typeof value === "string" && said.includes(value) && i < 3)
          say(i - 1, said.replaceAll(value, "Nineveh"));
    }
  }
  expect(made.length).toBeGreaterThan(300);
  const reasons = await verdicts(made.map(({ row }) => row));
  expect(made.filter((_, i) => reasons[i] === undefined).map(({ text }) => text)).toEqual([]);
});

test("a row that is gone, one that comes twice, and one that nobody made are named", async () => {
  const lines = (await readFile(dir.dataset.train, "utf8")).trim().split("\n");
  const at = lines.findIndex((line) => line.includes('"tool_calls"'));
  const id = (JSON.parse(lines[at]!) as { id: string }).id;
  const verify = async (changed: readonly string[]): Promise<string[]> => {
    await writeFile(dir.dataset.train, `${changed.join("\n")}\n`);
    const { failed } = await verifyDataset(dir.dataset, signal);
    return failed.map(({ row, reason }) => `${row} ${reason}`);
  };
  try {
    expect(await verify(lines.toSpliced(at, 1))).toEqual([`${id} row-missing`]);
    expect(await verify([...lines, lines[at]!])).toEqual([`${id} same-id`]);
    const foreign = lines[at]!.replace(`"id":"${id}"`, '"id":"other"');
    expect(await verify([...lines, foreign])).toEqual(["other no-world"]);
  } finally {
    await writeFile(dir.dataset.train, `${lines.join("\n")}\n`);
  }
});

test("an episode that a model voiced is counted as not run again", async () => {
  const lines = (await readFile(dir.dataset.train, "utf8")).trim().split("\n");
  const row = gold.find(({ messages }) => messages.some(({ role }) => role === "tool"))!;
  const by = { model: "m", prompt: "hybrid@0", sample: 0, request: "r", terms: "none" };
  const written = {
    ...row,
    id: "written",
    tags: { ...row.tags, source: "written" },
    meta: { ...row.meta, written: by },
  };
  const verify = async (changed: unknown) => {
    await writeFile(dir.dataset.train, `${[...lines, JSON.stringify(changed)].join("\n")}\n`);
    return verifyDataset(dir.dataset, signal);
  };
  try {
    expect(await verify(written)).toMatchObject({ written: 1, failed: [] });
    expect((await verify({ ...written, tags: row.tags })).failed).toHaveLength(1);
  } finally {
    await writeFile(dir.dataset.train, `${lines.join("\n")}\n`);
  }
});

test("without a dataset it says what to do", async () => {
  await expect(verifyDataset(runDir(join(folder, "none")).dataset, signal)).rejects.toMatchObject({
    code: "data/no-worlds",
  });
});
