/** One book under two ids of Gutenberg, as it really is there. Skipped where ../shared/data is absent. */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Document } from "../../core/document.ts";
import { packageRoot } from "../../core/package-root.ts";
import { openLedger } from "../ledger.ts";
import { runPipeline } from "../pipeline.ts";
import { decodeText } from "../sources/decode-text.ts";
import { chunkStep } from "./chunk.ts";
import { normaliseStep } from "./normalise.ts";
import { sharedPassagesStep } from "./shared-passages.ts";
import { stripGutenbergStep } from "./strip-gutenberg.ts";

const shared = join(packageRoot(), "../shared/data");

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "twainbot-editions-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const bookOf = (id: string, path: string): Document => ({
  id,
  kind: "book",
  text: decodeText(readFileSync(join(shared, path))).text,
  source: "gutenberg",
  licence: "public domain",
  sha256: "",
  synthetic: false,
  extra: { work: id },
});

/** Passages of each of two books before and after those that the other one has too are taken out. */
async function passages(
  first: string,
  second: string,
): Promise<{ before: number[]; after: number[] }> {
  const ids = ["gutenberg:1", "gutenberg:2"] as const;
  const steps = [
    stripGutenbergStep((text) => text),
    normaliseStep,
    chunkStep({ minWords: 40, maxWords: 110 }),
    sharedPassagesStep(
      { shingle: 5, bands: 20, rows: 13, threshold: 0.8, sample: 8 },
      ["gutenberg"],
      scratch,
    ),
  ];
  async function* books(): AsyncGenerator<Document> {
    yield bookOf(ids[0], first);
    yield bookOf(ids[1], second);
  }
  const ledger = await openLedger(
    scratch,
    steps.map(({ name }) => name),
  );
  const count = (found: readonly string[]): number[] =>
    ids.map((book) => found.filter((id) => id.startsWith(`${book}#`)).length);
  try {
    const kept: string[] = [];
    for await (const { id } of runPipeline(steps, books(), ledger)) kept.push(id);
    const all: string[] = [];
    for await (const { id } of ledger.lines()) all.push(id);
    return { before: count(all), after: count(kept) };
  } finally {
    await ledger.remove();
  }
}

describe.skipIf(!existsSync(shared))("books that are there twice", () => {
  test.each([
    // The second has an editor's notes and letters that the first has not.
    ["Franklin's autobiography", "gutenberg/148/148.txt", "gutenberg/20203/20203-8.txt", 0.2],
    ["Tom Sawyer", "gutenberg/74/74-0.txt", "gutenberg-old/sawyr10.txt", 0.01],
  ])("%s: the second edition goes, but for what only it has", async (_, first, second, own) => {
    const { before, after } = await passages(first, second);
    expect(before[1]).toBeGreaterThan(500);
    expect(after[0]).toBe(before[0]);
    expect(after[1]! / before[1]!).toBeLessThan(own);
  });

  test("two books that tell of one time lose nothing", async () => {
    const { before, after } = await passages("gutenberg/148/148.txt", "gutenberg/147/147-0.txt");
    expect(after).toEqual(before);
  });
});
