import { expect, test } from "vitest";
import { type Document, DocumentKind } from "../core/document.ts";
import { createRandom } from "../core/random.ts";
import { judgeInThreads } from "./judge-threads.ts";
import { type Judged, runSteps } from "./pipeline.ts";
import { testBook } from "./sources/test-book.ts";
import { type JudgingConfig, judgingSteps } from "./steps/judging.ts";

const config: JudgingConfig = {
  chunk: { minWords: 40, maxWords: 110 },
  editionNotes: "keep",
  language: "en",
};

const make = (id: string, kind: DocumentKind, text: string): Document => ({
  id,
  kind,
  text,
  source: kind === "book" ? "gutenberg" : "s",
  licence: "l",
  sha256: "",
  synthetic: false,
  extra: {},
});

async function* stream(documents: readonly Document[]): AsyncGenerator<Document> {
  yield* documents;
}

async function here(documents: readonly Document[]): Promise<Judged> {
  const all: Judged = { notes: [], kept: [] };
  const steps = runSteps(judgingSteps(config), stream(documents), (step, judgement) => {
    all.notes.push({ step, judgement });
  });
  for await (const document of steps) all.kept.push(document);
  return all;
}

async function inThreads(documents: readonly Document[], workers: number): Promise<Judged> {
  const all: Judged = { notes: [], kept: [] };
  for await (const { notes, kept } of judgeInThreads(config, workers).judge(stream(documents))) {
    all.notes.push(...notes);
    all.kept.push(...kept);
  }
  return all;
}

const SAYINGS = [
  "The fog came up the river and sat down upon the town like a relation with no other engagements that week.",
  "Der Regen fiel die ganze Nacht auf die Dächer der kleinen Stadt am Fluss, und niemand wunderte sich darüber.",
  "Rain Cancelled Due To Rain",
  "Write to ada@example.org about the roof before the next shower, for she keeps the only ladder in the county.",
  "no",
];

test("any number of threads says what one says here, in the same order", async () => {
  const random = createRandom(Date.now());
  const documents = Array.from({ length: 500 }, (_, i) => {
    const kind = random.pick(["passage", "headline", "joke", "aphorism"] as const);
    return i % 250 === 100
      ? make(`book-${i}`, "book", testBook({ id: i }))
      : make(`d${i}`, kind, `${random.pick(SAYINGS)} ${i}`);
  });
  const expected = await here(documents);
  expect(new Set(expected.notes.map(({ judgement: { type } }) => type)).size).toBe(3);
  for (const workers of [1, 2, 3]) expect(await inThreads(documents, workers)).toEqual(expected);
}, 120_000);

test("what a step throws for the user arrives with its code and hint", async () => {
  const book = make("gutenberg:1", "book", "Project Gutenberg has no end here.");
  await expect(inThreads([book], 1)).rejects.toMatchObject({
    name: "TwainError",
    code: "curate/gutenberg-cut",
    hint: expect.stringContaining("edition") as string,
  });
});

test("a thread that runs out of memory is an error with a code, also for the batches behind", async () => {
  const documents = Array.from({ length: 600 }, (_, i) => make(`d${i}`, "passage", SAYINGS[0]!));
  // The language detector's tables alone need more.
  const judging = judgeInThreads(config, 2, 16).judge(stream(documents));
  await expect(judging.next()).rejects.toMatchObject({ code: "curate/thread-memory" });
}, 60_000);

test("whoever stops listening ends the threads", async () => {
  const documents = Array.from({ length: 600 }, (_, i) => make(`d${i}`, "passage", SAYINGS[0]!));
  const threads = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
  const before = threads();
  const judging = judgeInThreads(config, 2).judge(stream(documents));
  expect((await judging.next()).done).toBe(false);
  expect(threads()).toBe(before + 2);
  await judging.return(undefined);
  expect(threads()).toBe(before);
});
