/** The style classifier: does it hear voices, on works it has not seen, and nothing where there are none? */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Document } from "../core/document.ts";
import { packageRoot } from "../core/package-root.ts";
import { createRandom } from "../core/random.ts";
import { type Voiced, areaUnderCurve, macroF1, trainStyleClassifier, voiced } from "./style.ts";
import { countGrams, createMask } from "./style-features.ts";

const vocabulary = [
  ["river", "boat", "reckon", "mighty", "yarn"],
  ["virtue", "industry", "frugal", "method", "prudence"],
] as const;

/** Texts of several works; `voice` says which words a side uses. */
function corpus(voice: (label: 0 | 1) => number, works = 6, perWork = 15): Voiced[] {
  const random = createRandom(11);
  return ([0, 1] as const).flatMap((label) =>
    Array.from({ length: works * perWork }, (_, i) => ({
      label,
      group: `${label}-${i % works}`,
      text: Array.from({ length: 30 }, () => random.pick(vocabulary[voice(label)]!)).join(" "),
    })),
  );
}

test("different voices are told apart, equal ones are not", () => {
  const apart = trainStyleClassifier(
    corpus((label) => label),
    createRandom(1),
  );
  expect(areaUnderCurve(apart.heldOut)).toBe(1);
  expect(macroF1(apart.heldOut)).toBe(1);
  expect(apart.probability("virtue industry method frugal prudence")).toBeGreaterThan(0.5);
  expect(apart.probability("mighty river boat yarn")).toBeLessThan(0.5);
  const alike = areaUnderCurve(
    trainStyleClassifier(
      corpus(() => 0),
      createRandom(1),
    ).heldOut,
  );
  expect(alike).toBeGreaterThan(0.25);
  expect(alike).toBeLessThan(0.75);
});

test("whole works are held out: what is peculiar to a work does not count", () => {
  // Every work has a word of its own, and its label is otherwise unheard: by chance only.
  const random = createRandom(4);
  const texts = corpus(() => 0).map((text) => ({
    ...text,
    text: `${text.text} ${`zz${text.group.replace(/\W/g, "x")} `.repeat(6)}`,
  }));
  const { heldOut } = trainStyleClassifier(
    texts.map((text) => ({ ...text, text: text.text.replaceAll(/zz[01]x/g, "zz") })),
    random,
  );
  expect(heldOut).toHaveLength(4 * 15);
  expect(areaUnderCurve(heldOut)).toBeLessThan(0.85);
});

test("one seed, one classifier", () => {
  const texts = corpus((label) => label);
  const [a, b] = [1, 1].map((seed) => trainStyleClassifier(texts, createRandom(seed)));
  expect(a!.heldOut).toEqual(b!.heldOut);
});

test("too few texts, or a single work, cannot be held out", () => {
  for (const texts of [corpus((label) => label, 1, 50), corpus((label) => label, 6, 2), []]) {
    expect(() => trainStyleClassifier(texts, createRandom(1))).toThrow(
      expect.objectContaining({ code: "evaluate/style-too-few" }),
    );
  }
});

test("names and numbers are masked, ordinary words at the start of a sentence are not", () => {
  const mask = createMask(["the rain fell on Hannibal. it was 1835 and i was there"]);
  expect(mask("The rain fell on Hannibal in 1835. It was Tom, and I was There.")).toBe(
    "The rain fell on N in 0000. It was N, and I was There.",
  );
});

test("grams are of two to five characters, damped, and blind to white space", () => {
  expect(countGrams("ab")).toEqual(countGrams("  ab\n"));
  // " ab ": 3 of two, 2 of three, 1 of four.
  expect(countGrams("ab").size).toBe(6);
  expect(Math.max(...countGrams("aaaaaaaa").values())).toBeCloseTo(1 + Math.log(7));
});

test("figures: area under the curve and macro F1 by hand", () => {
  const judged = (
    [
      [1, 0.9],
      [0, 0.8],
      [1, 0.7],
      [0, 0.1],
      [1, 0.1],
    ] as const
  ).map(([label, probability]) => ({ label, probability }));
  // Pairs: .9 beats both; .7 beats .1; .1 ties with .1 = 3.5 of 6.
  expect(areaUnderCurve(judged)).toBeCloseTo(3.5 / 6);
  // Twain: 2 of 3 said, 2 of 3 real; others: 1 of 2, 1 of 2.
  expect(macroF1(judged)).toBeCloseTo((2 / 3 + 1 / 2) / 2);
});

test("which documents say something about voices", () => {
  const document = (change: Partial<Document>): Document => ({
    id: "x",
    kind: "passage",
    text: "t",
    source: "s",
    licence: "PD",
    sha256: "h",
    synthetic: false,
    extra: {},
    ...change,
  });
  expect(voiced(document({ author: "Mark Twain", extra: { work: "gutenberg:76" } }))).toEqual({
    text: "t",
    label: 1,
    group: "gutenberg:76",
  });
  expect(voiced(document({ author: "Twain, Mark, 1835-1910" }))).toMatchObject({
    label: 1,
    group: "h",
  });
  expect(voiced(document({ author: "Jane Austen" }))).toMatchObject({ label: 0 });
  expect(voiced(document({ synthetic: true, extra: { persona: "twain" } }))).toMatchObject({
    label: 1,
  });
  expect(voiced(document({ synthetic: true, author: "TwainBot contributors" }))).toBeUndefined();
  expect(voiced(document({ kind: "joke", extra: { persona: "twain" } }))).toBeUndefined();
});

describe("on books", () => {
  const books = join(packageRoot(), "..", "shared", "data", "gutenberg");
  test.skipIf(!existsSync(books))(
    "Twain is told from other authors in books that were held out (needs ../shared/data)",
    () => {
      const read = (id: string, label: 0 | 1): Voiced[] => {
        const file = readdirSync(join(books, id)).find((name) => name.endsWith(".txt"))!;
        const paragraphs = readFileSync(join(books, id, file), "latin1")
          .split(/\r?\n\s*\r?\n/)
          .map((text) => text.replace(/\s+/g, " "));
        return paragraphs
          .filter((text) => text.length > 300 && text.length < 900)
          .slice(20, 80)
          .map((text) => ({ text, label, group: id }));
      };
      const twain = ["74", "76", "86", "119", "245", "2895", "3176", "3177"].flatMap((id) =>
        read(id, 1),
      );
      const rest = ["35", "98", "147", "154", "844", "944", "1342", "1661", "2701"].flatMap((id) =>
        read(id, 0),
      );
      const started = performance.now();
      const { heldOut } = trainStyleClassifier([...twain, ...rest], createRandom(1));
      console.log(
        `n ${heldOut.length}, AUC ${areaUnderCurve(heldOut).toFixed(3)}, macro F1 ${macroF1(heldOut).toFixed(3)}, ${Math.round(performance.now() - started)} ms`,
      );
      expect(areaUnderCurve(heldOut)).toBeGreaterThan(0.7);
    },
  );
});
