import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Document } from "../core/document.ts";
import { type LedgerLine, openLedger } from "./ledger.ts";
import { type Losses, createLosses } from "./losses.ts";
import {
  EXACT_DUPLICATE,
  NEAR_DUPLICATE,
  REVIEW,
  type Step,
  drop,
  eachDocument,
  keep,
  runPipeline,
} from "./pipeline.ts";

const make = (id: string, source = "s"): Document => ({
  id,
  kind: "headline",
  text: id,
  source,
  licence: "l",
  sha256: "",
  synthetic: false,
  extra: {},
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-pipeline-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(
  steps: readonly Step[],
  documents: readonly Document[],
): Promise<{
  kept: Document[];
  lines: LedgerLine[];
  dropped: Record<string, number>;
  losses: Losses;
}> {
  async function* stream(): AsyncGenerator<Document> {
    yield* documents;
  }
  const ledger = await openLedger(
    folder,
    steps.map(({ name }) => name),
  );
  const kept: Document[] = [];
  for await (const document of runPipeline(steps, stream(), ledger)) kept.push(document);
  const losses = createLosses();
  const lines: LedgerLine[] = [];
  for await (const line of ledger.lines()) {
    losses.add(line);
    lines.push(line);
  }
  await ledger.remove();
  expect(await readdir(folder)).toEqual([]);
  return { kept, lines, dropped: ledger.dropped(), losses };
}

const halve = eachDocument("halve", (document) =>
  document.id.length % 3 === 0
    ? {
        type: "chunks",
        document,
        chunks: ["a", "b"].map((part) => ({ ...document, id: `${document.id}#${part}` })),
      }
    : keep(document),
);
const picky = eachDocument("picky", (document) =>
  document.id.includes("x")
    ? drop(document, "has x", { at: document.id.indexOf("x") })
    : keep(document),
);

test("every record is in the ledger once, and is kept, cut or dropped with a reason", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom("x", "y", "z"), maxLength: 5 })),
      async (ids) => {
        const {
          kept,
          lines,
          dropped: reasons,
        } = await run(
          [halve, picky],
          ids.map((id) => make(id)),
        );
        const cut = lines.filter((line) => line.chunks);
        const dropped = lines.filter((line) => line.verdicts.at(-1)!.verdict === "drop");
        expect(lines.filter((line) => line.parent === undefined)).toHaveLength(ids.length);
        expect(kept.length + dropped.length + cut.length).toBe(lines.length);
        expect(new Set(kept.map(({ id }) => id)).size).toBe(kept.length);
        expect(Object.values(reasons).reduce((a, b) => a + b, 0)).toBe(dropped.length);
        for (const line of dropped)
          expect(line.verdicts.at(-1)).toMatchObject({
            step: "picky",
            reason: "has x",
            numbers: { at: line.id.indexOf("x") },
          });
        // Every text can be read afterwards: the kept ones as documents, the others here.
        for (const line of lines)
          expect(line.text, line.id).toBe(
            dropped.includes(line) ? (line.parent ?? line.id).replace(/~\d+$/, "") : undefined,
          );
        for (const line of cut) expect(line.chunks).toEqual([`${line.id}#a`, `${line.id}#b`]);
      },
    ),
  );
});

describe("the alarm", () => {
  const losing = (reason: string, count: number): Step =>
    eachDocument("lose", (document) =>
      Number(document.id) < count && document.source === "s"
        ? drop(document, reason)
        : keep(document),
    );
  const documents = [
    ...Array.from({ length: 100 }, (_, i) => make(String(i))),
    ...Array.from({ length: 500 }, (_, i) => make(String(1000 + i), "large")),
  ];

  const limits = (all: number): Parameters<Losses["check"]>[0] => ({
    all,
    near: 0.3,
    onNear: "stop",
  });

  test("rings for the source that lost too much, with the reasons, however large the others are", async () => {
    (await run([losing("bad", 30)], documents)).losses.check(limits(0.3));
    const { losses } = await run([losing("bad", 31)], documents);
    expect(() => losses.check(limits(0.3))).toThrow(
      expect.objectContaining({
        code: "curate/source-wiped",
        message: "s lost 31 of 100 records (31 %), more than 30 %: 31 lose: bad",
      }) as Error,
    );
    expect(losses.check(limits(0.4))).toEqual([]);
  });

  test("does not count exact duplicates, neither as lost nor as records", async () => {
    (await run([losing(EXACT_DUPLICATE, 90)], documents)).losses.check(limits(0.3));
  });

  test("does not count what a person rejected; the ledger says what was said", async () => {
    const review = { of: "k", verdict: "reject" as const, note: "dull", at: "2026" };
    const step = eachDocument(REVIEW, (document) =>
      document.source === "s" ? { ...drop(document, "rejected"), review } : keep(document),
    );
    const { losses, lines } = await run([step], documents);
    expect(losses.check(limits(0.3))).toEqual([]);
    expect(lines.filter((line) => line.review?.note === "dull")).toHaveLength(100);
  });

  test("rings for near duplicates alone, or only tells of them where the recipe says so", async () => {
    const { losses } = await run([losing(NEAR_DUPLICATE, 31)], documents);
    expect(() => losses.check(limits(1))).toThrow(
      expect.objectContaining({
        code: "curate/source-wiped",
        message: "s lost 31 of 100 records (31 %) as near duplicates, more than 30 %",
        hint: expect.stringContaining("curate.dedup.onLoss=report") as string,
      }) as Error,
    );
    expect(losses.check({ all: 1, near: 0.3, onNear: "report" })).toEqual([
      "s lost 31 of 100 records (31 %) as near duplicates, more than 30 %",
    ]);
    expect(losses.check({ all: 1, near: 0.31, onNear: "stop" })).toEqual([]);
  });
});

test("a step that judges out of turn is a mistake of the program", async () => {
  const backwards: Step = {
    name: "backwards",
    async *run(stream) {
      const all: Document[] = [];
      for await (const document of stream) all.unshift(document);
      for (const document of all) yield keep(document);
    },
  };
  await expect(run([backwards], [make("a"), make("b")])).rejects.toThrow(
    "backwards judged b out of turn",
  );
});
