import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ConversationRow } from "../core/conversation.ts";
import type { ToolCase } from "../core/tool-case.ts";
import { type DecontaminateConfig, decontaminate } from "./decontaminate.ts";
import { hashEvalSet } from "./eval-texts.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-contamination-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const row = (id: string, user: string, assistant: string, parents: string[]): ConversationRow => ({
  id,
  messages: [
    { role: "system", content: "You are a pilot on the river who answers every question about it" },
    { role: "user", content: user },
    { role: "assistant", content: assistant },
  ],
  tags: {
    persona: "twain",
    domain: parents.length > 0 ? "literary" : "tool",
    source: "s",
    synthetic: parents.length === 0,
  },
  meta: { parents, licence: "CC0-1.0", split_key: id },
});
const passage = (id: string, text: string): ConversationRow => row(id, "Go on.", text, ["doc"]);
const episode = (id: string, question: string): ConversationRow =>
  row(id, question, "Light rain in Cairo with a high of 20 degrees, so take a coat with you.", []);
const toolCase = (id: string, question: string): ToolCase => ({
  id,
  slice: "heldout-place",
  messages: [{ role: "user", content: question }],
  tools: [],
  expected: [],
  now: "2026-01-01T00:00:00Z",
});

const words = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `word${from + i}`).join(" ");
/** A question of more than 13 words, the place in it aside. */
const long = (place: string): string =>
  `Good morning to you, in ${place} I mean to walk by the river with my dog and my old umbrella tomorrow, so will it rain on the three of us there?`;

interface Removed {
  ids: string[];
  reasons: string[];
  words: (string | undefined)[];
}

async function removedFrom(
  train: readonly ConversationRow[],
  evaluation: { cases?: ToolCase[]; test?: ConversationRow[]; file?: unknown[] },
  config: Partial<DecontaminateConfig> = {},
): Promise<Removed> {
  const files: string[] = [];
  if (evaluation.file) {
    const path = join(folder, "own.jsonl");
    await writeFile(path, evaluation.file.map((line) => `${JSON.stringify(line)}\n`).join(""));
    files.push(path);
  }
  const { removed, lines } = await decontaminate(
    [{ rows: train, trained: () => true }],
    { cases: evaluation.cases ?? [], test: evaluation.test ?? [] },
    { files, ngram: 13, common: 10, near: 0.8, maxLoss: 1, ...config },
    new AbortController().signal,
  );
  // Every row that goes has its line, with the set and the words in it.
  expect(lines.map(({ id }) => id)).toEqual([...removed[0]!].map((line) => train[line]!.id));
  for (const { verdicts, text } of lines) {
    expect(verdicts[0]).toMatchObject({ step: "decontaminate", verdict: "drop" });
    expect(text).toBeTruthy();
  }
  return {
    ids: lines.map(({ id }) => id),
    reasons: lines.map(({ verdicts }) => verdicts[0]!.reason!),
    words: lines.map(({ verdicts }) => verdicts[0]!.match?.words),
  };
}

describe("an n-gram of the test split", () => {
  test("thirteen words are proof, twelve are not, wherever they stand and however they are written", async () => {
    const hidden = passage("test", words(0, 60));
    const upper = words(20, 13).toUpperCase().replaceAll(" ", ", ");
    const found = await removedFrom(
      [
        passage("shares-13", `${words(500, 30)} ${upper}! ${words(600, 30)}`),
        passage("shares-12", `${words(700, 30)} ${words(20, 12)} ${words(800, 30)}`),
        passage("shares-none", words(900, 60)),
      ],
      { test: [hidden] },
    );
    expect(found).toEqual({
      ids: ["shares-13"],
      reasons: ["same n-gram in test"],
      words: [words(20, 13)],
    });
  });

  test("what more rows have than a few is a phrase that everybody uses", async () => {
    const many = Array.from({ length: 11 }, (_, i) =>
      passage(`p${i}`, `${words(1000 * (i + 1), 30)} ${words(0, 13)}`),
    );
    const hidden = passage("test", words(0, 40));
    expect((await removedFrom(many, { test: [hidden] })).ids).toEqual([]);
    expect((await removedFrom(many.slice(1), { test: [hidden] })).ids).toHaveLength(10);
  });
});

test("a request around a document is no secret, what the document says is", async () => {
  const ask = "Write a satirical headline about the weather of tomorrow";
  const headline = "Area Man Finds Umbrella He Never Lost";
  const found = await removedFrom(
    [
      row("other", ask, "Nation Waits For Rain In Vain Again", ["d1"]),
      row("same", "Another, please.", headline, ["d2"]),
    ],
    { test: [row("t", ask, headline, ["d3"])] },
  );
  expect(found).toMatchObject({ ids: ["same"], reasons: ["same text in test"] });
});

describe("templated tool questions", () => {
  const places = Array.from({ length: 40 }, (_, i) => `Town${i}`);

  test("are not wiped out by cases of their own phrasing about another place", async () => {
    const train = places.map((place, i) => episode(`e${i}`, long(place)));
    // Few of them: here no count of rows tells a template.
    expect(
      (await removedFrom(train.slice(0, 5), { cases: [toolCase("c", long("Oslo"))] })).ids,
    ).toEqual([]);
    expect((await removedFrom(train, { cases: [toolCase("c", long("Oslo"))] })).ids).toEqual([]);
    // The answers of a template are no secret either.
    expect(
      (await removedFrom(train, { test: [episode("t", "Is it going to rain in Oslo today?")] }))
        .ids,
    ).toEqual([]);
  });

  test("go where they ask the very question of a case, in whatever turn, or of a file", async () => {
    const train = places.map((place, i) => episode(`e${i}`, long(place)));
    const question = long("TOWN7").replaceAll(",", "");
    expect(await removedFrom(train, { cases: [toolCase("c-7", question)] })).toMatchObject({
      ids: ["e7"],
      reasons: ["same text in tool-cases"],
    });
    expect(
      await removedFrom(train, {
        file: [{ id: "b1", question: [[{ role: "user", content: question }]] }],
      }),
    ).toMatchObject({
      ids: ["e7"],
      reasons: ["same text in own.jsonl"],
    });
    // Of a phrasing that a file shares with forty rows, only the question itself goes.
    expect((await removedFrom(train, { file: [{ prompt: long("Oslo") }] })).ids).toEqual([]);
  });

  test('greetings and "And tomorrow?" are nobody\'s', async () => {
    expect(
      (
        await removedFrom([episode("e", "And tomorrow?")], {
          cases: [toolCase("c", "And tomorrow?")],
        })
      ).ids,
    ).toEqual([]);
  });
});

test("near matches: nearly all of a question, with words between that no n-gram survives", async () => {
  const question = Array.from({ length: 120 }, (_, i) =>
    i % 12 === 11 ? `other${i}` : `word${i}`,
  );
  const asked = question.map((word) => (word === "other59" ? "changed" : word)).join(" ");
  const found = await removedFrom(
    [passage("near", asked)],
    { file: [{ text: question.join(" ") }] },
    { ngram: 80 },
  );
  expect(found).toMatchObject({ ids: ["near"], reasons: ["near match in own.jsonl"] });
  const half = [...question.slice(0, 60), ...words(5000, 60).split(" ")].join(" ");
  expect(
    (
      await removedFrom(
        [passage("half", half)],
        { file: [{ text: question.join(" ") }] },
        { ngram: 80 },
      )
    ).ids,
  ).toEqual([]);
});

describe("a file of the user's", () => {
  test.each([
    [
      "messages",
      {
        messages: [
          { role: "system", content: "x" },
          { role: "user", content: words(0, 20) },
        ],
      },
    ],
    ["lists of messages", { question: [[{ role: "user", content: words(0, 20) }]] }],
    ["text", { text: words(0, 20) }],
    ["prompt", { prompt: words(0, 20), answer: "42" }],
  ])("may hold %s", async (_, line) => {
    const found = await removedFrom([passage("p", words(0, 20)), passage("q", words(50, 20))], {
      file: [line],
    });
    expect(found.ids).toEqual(["p"]);
  });

  test("that asks nothing, or is not there, is an error that names it", async () => {
    await expect(removedFrom([], { file: [{ answer: "42" }] })).rejects.toMatchObject({
      code: "curate/bad-eval-set",
      message: expect.stringContaining("own.jsonl") as string,
    });
    await expect(hashEvalSet(join(folder, "missing.jsonl"))).rejects.toMatchObject({
      code: "curate/bad-eval-set",
    });
  });
});

test("a domain that would lose too much stops the run", async () => {
  const train = Array.from({ length: 10 }, (_, i) => passage(`p${i}`, words(100 * i, 40)));
  const file = train.slice(0, 2).map(({ messages }) => ({ messages }));
  await expect(removedFrom(train, { file }, { maxLoss: 0.1 })).rejects.toMatchObject({
    code: "curate/contaminated",
    message: expect.stringContaining("2 of 10 rows for training of the domain literary") as string,
  });
  expect((await removedFrom(train, { file }, { maxLoss: 0.2 })).ids).toHaveLength(2);
});
