import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bookSections } from "./book-sections.ts";
import { chunkSection, chunkStep } from "./chunk.ts";
import { countWords, createSegmenter, splitSentences } from "./sentences.ts";

const segmenter = createSegmenter();

describe("sentences", () => {
  test("end at full stops, not at abbreviations, initials or before lower case", () => {
    const text =
      'Mr. Twain met Dr. J. Smith at 5 p.m. sharp. "Go!" he said. "Why? Because." St. Louis was near... and far. Mlle. Blanc and Jas. Hill went. Yes.';
    expect(splitSentences(text, segmenter)).toEqual([
      "Mr. Twain met Dr. J. Smith at 5 p.m. sharp.",
      '"Go!" he said.',
      '"Why?',
      'Because."',
      "St. Louis was near... and far.",
      "Mlle. Blanc and Jas. Hill went.",
      "Yes.",
    ]);
  });
});

describe("chunks", () => {
  const sentence = fc.integer({ min: 1, max: 60 }).map((n) => `The ${"word ".repeat(n)}ended.`);
  const paragraph = fc.array(sentence, { minLength: 1, maxLength: 8 }).map((all) => all.join(" "));
  const size = { minWords: 40, maxWords: 110 };

  test("hold every word once and in order, never pass the limit but for one sentence, and end with a sentence", () => {
    fc.assert(
      fc.property(fc.array(paragraph, { minLength: 1, maxLength: 12 }), (paragraphs) => {
        const chunks = chunkSection(paragraphs, size, segmenter);
        expect(chunks.join(" ").split(/\s+/)).toEqual(paragraphs.join(" ").split(/\s+/));
        for (const chunk of chunks) {
          const count = countWords(chunk);
          expect(count <= size.maxWords || splitSentences(chunk, segmenter).length === 1).toBe(
            true,
          );
          expect(chunk.endsWith("ended.")).toBe(true);
        }
      }),
    );
  });

  test("are long enough wherever that can be had", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 3, max: 25 }), { minLength: 8, maxLength: 60 }),
        (lengths) => {
          const text = lengths.map((n) => `The ${"word ".repeat(n - 2)}ended.`).join(" ");
          // Sentences of at most 25 words fill any chunk to at least 40 of 110 words.
          for (const chunk of chunkSection([text], size, segmenter))
            expect(countWords(chunk)).toBeGreaterThanOrEqual(Math.min(40, countWords(text)));
        },
      ),
    );
  });

  test("cut between paragraphs rather than inside a quotation", () => {
    const long = `"${"I tell you it rained. ".repeat(14).trim()}"`;
    const chunks = chunkSection(
      [`He ${"waited ".repeat(60).trim()}.`, long, `She ${"laughed ".repeat(60).trim()}.`],
      size,
      segmenter,
    );
    expect(chunks).toContain(long);
  });
});

describe("sayings above chapters", () => {
  const book = [
    "CHAPTER I.",
    "Noise proves nothing. Often a hen who has merely laid an egg cackles as if she had laid an asteroid.—Pudd'nhead Wilson's New Calendar.",
    `We sailed. ${"It rained on the deck all day. ".repeat(8).trim()}`,
    "CHAPTER II.",
    "When in doubt, tell the truth.\n—Pudd'nhead Wilson's Calendar.",
    "CHAPTER III.",
    "Nothing is so ignorant as a man's left hand,\nexcept a lady's watch.",
    "-Pudd'nhead Wilson's New Calendar.",
    `He spoke of Pudd'nhead Wilson's Calendar at length. ${"The wind rose in the night. ".repeat(8).trim()}`,
  ].join("\n\n");

  test("become aphorisms without their attribution, and leave the passages", async () => {
    const document = {
      id: "gutenberg:2895",
      kind: "book" as const,
      text: book,
      source: "gutenberg",
      licence: "x",
      sha256: "x",
      synthetic: false,
      extra: { persona: "twain" },
    };
    async function* one(): AsyncGenerator<typeof document> {
      yield document;
    }
    for await (const judgement of chunkStep({ minWords: 40, maxWords: 110 }).run(one())) {
      if (judgement.type !== "chunks") throw new Error("not cut");
      const { chunks } = judgement;
      expect(chunks.map(({ id, kind }) => [id, kind])).toEqual([
        ["gutenberg:2895#1", "passage"],
        ["gutenberg:2895#2", "passage"],
        ["gutenberg:2895#3", "aphorism"],
        ["gutenberg:2895#4", "aphorism"],
        ["gutenberg:2895#5", "aphorism"],
      ]);
      expect(chunks.slice(2).map(({ text }) => text)).toEqual([
        "Noise proves nothing. Often a hen who has merely laid an egg cackles as if she had laid an asteroid.",
        "When in doubt, tell the truth.",
        "Nothing is so ignorant as a man's left hand, except a lady's watch.",
      ]);
      expect(chunks[0]!.text).toMatch(/^We sailed/);
      expect(chunks[1]!.text).toMatch(/^He spoke of Pudd'nhead/);
      expect(chunks[3]!.extra).toEqual({ persona: "twain", work: "gutenberg:2895" });
    }
  });
});

describe("sections", () => {
  test("what chapters are about is no prose, in a table in the middle of a book neither; notes have headings", () => {
    const synopsis =
      'CHAPTER X Four Hours with Wagner—A Wonderful Singer—" Only a Shriek"—An Ancient Vocalist—"He Only Cry"—"Encore! Encore!"—Magnanimity of the King';
    const text = [
      "And so it was with us.",
      synopsis,
      "We went to the opera—and came back—and slept.",
      "It could never have been suggested by him.",
      "NOTES to Chapter XXIII. Death for Trifling Larcenies.",
      "When they were framing their first codes, larceny was a capital crime.",
    ].join("\n\n");
    expect(bookSections(text).sections).toEqual([
      ["And so it was with us."],
      [
        "We went to the opera—and came back—and slept.",
        "It could never have been suggested by him.",
      ],
      ["When they were framing their first codes, larceny was a capital crime."],
    ]);
  });

  test("headings, contents and lists of plates are no prose; a preface among them is", () => {
    const preface =
      "This book is merely a personal narrative and not a pretentious history, and its object is rather to help the resting reader while away an idle hour.";
    const text = [
      "ROUGHING IT",
      "by Mark Twain",
      "CONTENTS.",
      "CHAPTER I. My Brother appointed—I Envy Him—Packed in One Hour",
      "CHAPTER II. Arrive at St. Joseph—Farewell to Kid Gloves",
      "ILLUSTRATIONS.",
      "The Widows",
      '"Git Up"',
      preface,
      "CHAPTER I.",
      "MY brother had just been appointed Secretary.",
      '"TOM!"',
      "I was young.",
      "CHAPTER II.",
      "The River and Its History",
      "The first thing we did was this.",
      "* * * * *",
      "Later it rained.",
      "THE END",
    ].join("\n\n");
    const { sections, contents } = bookSections(text);
    expect(sections.flat()).not.toContain("The Widows");
    expect(contents).toBeGreaterThanOrEqual(4);
    expect(sections.slice(-4)).toEqual([
      [preface],
      ["My brother had just been appointed Secretary.", '"TOM!"', "I was young."],
      ["The first thing we did was this."],
      ["Later it rained."],
    ]);
  });
});
