import { describe, expect, test } from "vitest";
import { Document } from "../../core/document.ts";
import { createRandom } from "../../core/random.ts";
import { createSegmenter } from "../steps/sentences.ts";
import { APHORISM_FREE, HEADLINE, HEADLINE_FREE } from "./instruction-templates.ts";
import { cutStart, makeInstructions } from "./instructions.ts";

const segmenter = createSegmenter();
const REST =
  "And then we went on for another day or two, until the road gave out and the mule with it.";

describe("where a passage is cut", () => {
  test.each([
    "Under the altar repose the ashes of St. Paul and of others who came later.",
    "We were met at the door by Mr. J. Smith of No. 12 with a lantern.",
    '"Never in my life," said the Hon. Capt. Brown, "was I so wet."',
  ])("no abbreviation ends it: %s", (sentence) => {
    expect(cutStart(`${sentence} ${REST}`, segmenter)).toEqual({ start: sentence, rest: REST });
  });

  test("start and rest are the text, with the paragraphs of the rest", () => {
    const text = `We set out before it was light.\n\n"Rain," said he.\n\n${REST}`;
    const cut = cutStart(text, segmenter)!;
    expect(cut.start).toBe("We set out before it was light.");
    expect(`${cut.start}\n\n${cut.rest}`).toBe(text);
  });

  test("lines of verse are not cut in the middle of their sentence", () => {
    const verse = "Poor Isabella's dead and gone,\nSet all the tongues to wagging here.\nShe left.";
    expect(cutStart(`${verse}\n\n${REST}`, segmenter)!.start).toBe(
      "Poor Isabella's dead and gone,\nSet all the tongues to wagging here.",
    );
  });

  test("not where the first sentence says too little or all", () => {
    expect(cutStart(`Too short. ${REST}`, segmenter)).toBeUndefined();
    expect(cutStart("We set out before it was light. It rained.", segmenter)).toBeUndefined();
    expect(cutStart(`${"word ".repeat(45)}end. ${REST}`, segmenter)).toBeUndefined();
  });
});

const make = (id: string, kind: Document["kind"], text: string, extra: Document["extra"]) =>
  Document.parse({ id, kind, text, source: "test", licence: "CC0-1.0", sha256: "0", extra });

test("a saying whose subject cannot be named is taught all the same", () => {
  const sayings = Array.from({ length: 40 }, (_, i) =>
    make(`book#${i}`, "aphorism", `When in doubt, tell the truth, ${i}.`, {
      persona: "twain",
      work: "book",
    }),
  );
  const options = { perDocument: 1, maxPerTemplate: 100, random: createRandom(1) };
  const rows = [...makeInstructions(sayings, options)];
  expect(rows).toHaveLength(40);
  for (const row of rows) {
    expect(row.meta.template).toMatch(/^aphorism-free:/);
    expect(row.messages[1]!.content).not.toMatch(/[{}]/);
    expect(row.tags).toMatchObject({ persona: "twain", domain: "literary" });
  }
  expect(new Set(rows.map(({ meta }) => meta.template)).size).toBeGreaterThan(5);
  expect(APHORISM_FREE.length).toBeGreaterThanOrEqual(8);
});

test("headlines are asked for by what they name, or in a dozen ways by nothing", () => {
  const texts = ["Key Senate Races To Watch", "Bear Grylls Eats Own Tent"];
  const documents = texts.flatMap((text, i) =>
    Array.from({ length: 60 }, (_, k) => make(`h${i}-${k}`, "headline", text, { humorous: true })),
  );
  const options = { perDocument: 1, maxPerTemplate: 1000, random: createRandom(1) };
  const rows = [...makeInstructions(documents, options)];
  const asked = (answer: string): string[] =>
    rows
      .filter(({ messages }) => messages.at(-1)!.content === answer)
      .map(({ messages }) => String(messages.at(-2)!.content));
  for (const request of asked(texts[0]!)) expect(request).toContain("the Senate");
  const free = new Set(asked(texts[1]!));
  expect(free.size).toBeGreaterThan(8);
  expect(HEADLINE_FREE).toEqual(expect.arrayContaining([...free]));
  expect(new Set(HEADLINE_FREE).size).toBe(12);
});

test("a request for a headline is too short to be taken for a question of an evaluation", () => {
  // `curate.decontaminate.ngram` is 13 words, a tag such as `[headline]` one more.
  for (const request of [...HEADLINE, ...HEADLINE_FREE])
    expect(request.replace("{topic}", "the Republican Party").split(" ").length).toBeLessThan(12);
});
