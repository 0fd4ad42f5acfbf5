import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../core/package-root.ts";
import { decodeText } from "../sources/decode-text.ts";
import { stripGutenberg } from "./strip-gutenberg.ts";
import { stripNotes } from "./strip-notes.ts";

const page = (...paragraphs: string[]): string => paragraphs.join("\n\n");

describe("goes", () => {
  test.each([
    [
      "a starred note and its reference",
      page("It led the procession.*", "*I remember the first one\nI ever saw.", "We sailed on."),
      page("It led the procession.", "We sailed on."),
    ],
    [
      "several notes, one of them of two stars' depth",
      page("One thing* and another† here.", "*The first.", "†The second.", "Then came night."),
      page("One thing and another here.", "Then came night."),
    ],
    [
      "a bracketed note within a line",
      page(
        "He'll play hookey this evening, * and [* Southwestern for\n\"afternoon\"] I'll be obleeged.",
      ),
      page("He'll play hookey this evening, and  I'll be obleeged."),
    ],
    [
      "a bracketed note below",
      page("By grace.*", "[*Footnote: borrowed, language and all.]", "So."),
      page("By grace.", "So."),
    ],
    [
      "a picture",
      page("The plain was wide.", "[picture]", "[Map of the\ncoast]", "We rode."),
      page("The plain was wide.", "We rode."),
    ],
    [
      "the edition",
      page(
        "INNOCENTS ABROAD",
        "[From an 1869--1st Edition]",
        "JTABLE 5 27 1",
        "Copyright, 1916,",
        "CHAPTER I",
      ),
      page("INNOCENTS ABROAD", "CHAPTER I"),
    ],
    [
      "a reference to a figure, and the edition at the head of every part",
      page(
        ...Array.from({ length: 30 }, (_, i) => `Paragraph ${i}.`),
        "Illustrations taken from an 1880 First Edition",
        "The width of the weapon. [Figure 1] The length of [Fig. 12] it.",
      ),
      page(
        ...Array.from({ length: 30 }, (_, i) => `Paragraph ${i}.`),
        "The width of the weapon. The length of it.",
      ),
    ],
    [
      "an editor's remark",
      page("Aland.", "[Page 1 of _The Gazette_,].", "Sold here."),
      page("Aland.", "Sold here."),
    ],
  ])("%s", (_, before, after) => {
    expect(stripNotes(before)).toBe(after);
  });
});

test.each([
  ["a break of scene", page("Night fell.", "* * * * *", "Day broke.", "***")],
  [
    "a line that begins with a star and has no reference",
    page("All attempts", "*terfeited but those of 13", "x"),
  ],
  ["stars of a table", page("| S.| * | * |", "O.| **| * |")],
  ["an author's aside", page("He wept.", "[It does seem a pity.--M. T.]", "[Enter Lane.]")],
  [
    "prose that tells of copyright and pictures",
    page(
      "Copyright was his idol; he said so.",
      "A picture hung there.",
      "Figure 8 is a number. [Figure it out for yourself.]",
      "From an open window came a song.",
    ),
  ],
])("%s stays", (_, text) => {
  expect(stripNotes(text)).toBe(text);
});

const shared = join(packageRoot(), "../shared/data/gutenberg");
describe.skipIf(!existsSync(shared))("real books (skipped where ../shared/data is absent)", () => {
  test.each([
    ["2701/2701-0.txt", ["I remember the first albatross", "See subsequent chapters"], 0.98],
    ["86/86-0.txt", ["The story is borrowed", "All the details concerning the hermits"], 0.999],
    ["74/74-0.txt", ["owned a slave named Bull"], 0.999],
    ["944/944.txt", ["[picture]", "[map]"], 0.999],
    ["154/154.txt", ["JTABLE"], 0.9999],
    ["3176/3176-0.txt", ["From an 1869"], 0.9999],
    ["98/98-8.txt", [], 1],
    ["148/148.txt", [], 1],
  ] as const)("%s", (path, gone, share) => {
    const { text } = stripGutenberg(decodeText(readFileSync(join(shared, path))).text);
    const stripped = stripNotes(text);
    for (const words of gone) {
      expect(text).toContain(words);
      expect(stripped).not.toContain(words);
    }
    expect(stripped.length).toBeGreaterThanOrEqual(text.length * share);
    expect(stripped.length).toBeLessThanOrEqual(text.length);
  });
});
