import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document } from "../core/document.ts";
import {
  EXACT_DUPLICATE,
  type Ledger,
  type Step,
  checkLosses,
  createLedger,
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

async function run(
  steps: readonly Step[],
  documents: readonly Document[],
): Promise<{ kept: Document[]; ledger: Ledger }> {
  async function* stream(): AsyncGenerator<Document> {
    yield* documents;
  }
  const ledger = createLedger();
  const kept: Document[] = [];
  for await (const document of runPipeline(steps, stream(), ledger)) kept.push(document);
  return { kept, ledger };
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
        const { kept, ledger } = await run(
          [halve, picky],
          ids.map((id) => make(id)),
        );
        const lines = [...ledger.lines()];
        const cut = lines.filter((line) => line.chunks);
        const dropped = lines.filter((line) => line.verdicts.at(-1)!.verdict === "drop");
        expect(lines.filter((line) => line.parent === undefined)).toHaveLength(ids.length);
        expect(kept.length + dropped.length + cut.length).toBe(lines.length);
        expect(new Set(kept.map(({ id }) => id)).size).toBe(kept.length);
        expect(Object.values(ledger.dropped()).reduce((a, b) => a + b, 0)).toBe(dropped.length);
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

  test("rings for the source that lost too much, with the reasons, however large the others are", async () => {
    checkLosses((await run([losing("bad", 30)], documents)).ledger, 0.3);
    const { ledger } = await run([losing("bad", 31)], documents);
    expect(() => checkLosses(ledger, 0.3)).toThrow(
      expect.objectContaining({
        code: "curate/source-wiped",
        message: "s lost 31 of 100 records (31 %), more than 30 %: 31 lose: bad",
      }) as Error,
    );
    checkLosses(ledger, 0.4);
  });

  test("does not count exact duplicates, neither as lost nor as records", async () => {
    checkLosses((await run([losing(EXACT_DUPLICATE, 90)], documents)).ledger, 0.3);
  });
});
