import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeEntities, normaliseHeadline, normaliseText } from "./normalise.ts";

describe("books", () => {
  test("lines become paragraphs, quotes and dashes one kind, emphasis plain", () => {
    const raw =
      "\uFEFF“Well,” said he--\r\n‘it’s _raining_.’  I agreed,\r\nas one does\u00A0-- . . . in\r\nParis\r\n--Damascus too.\r\n\r\n\r\nNext   para-\r\ngraph; a well-\r\nknown paragraph is well-known.";
    expect(normaliseText(raw)).toBe(
      "\"Well,\" said he—'it's raining.' I agreed, as one does—... in Paris—Damascus too.\n\nNext paragraph; a well-known paragraph is well-known.",
    );
  });

  test.each([
    [
      "The _de_fensive isn't in my line, and the _of_fensive is.",
      "The defensive isn't in my line, and the offensive is.",
    ],
    ["don't tell _any_body", "don't tell anybody"],
    ["gentle_men!_ Hear me _just_ once", "gentlemen! Hear me just once"],
    ["b'_nan_ners near Newr_leans_.", "b'nanners near Newrleans."],
    ["snake_case and _emphasis_ and max_new_tokens", "snake_case and emphasis and max_new_tokens"],
  ])("emphasis of a part of a word: %s", (raw, plain) => {
    expect(normaliseText(raw)).toBe(plain);
  });

  test("verse and lists keep their lines, prose that happens to be short does not", () => {
    const prose = Array.from(
      { length: 12 },
      () => "this is a line of prose that runs to the right edge of the page",
    ).join("\n");
    const verse = "Poor Isabella's Dead,\nSet all tongues wagging\nShe wisely left a throne";
    expect(normaliseText(`${prose}\n\n${verse}`).split("\n\n")[1]).toBe(verse);
    expect(
      normaliseText(`${prose}\n\nand the end of it\nwas this short line`).split("\n\n")[1],
    ).toBe("and the end of it was this short line");
  });

  const letters = (text: string): string => (text.match(/[\p{L}\p{N}]/gu) ?? []).join("");

  // Lines, not the whole: whether a block is verse is read from the page's width, and the page of the
  // second time is another one.
  test("says the same words, and nothing is left to do on any of its lines", () => {
    const piece = fc.constantFrom(
      "word",
      "“quoted”",
      "so--",
      "_em_",
      "end.",
      "Mr.",
      "don’t",
      "\n",
      "\n\n",
      "  ",
      "A",
      "1,000",
      "…",
      "x-\n",
      "—",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const once = normaliseText(pieces.join(" "));
        expect(letters(once)).toBe(letters(pieces.join(" ")));
        expect(once).not.toMatch(/[“”‘’_\u00A0\r]| {2}|\n{3}/);
        for (const line of once.split("\n")) expect(normaliseText(line)).toBe(line);
      }),
    );
  });

  test("a paragraph on one line stays on it, whatever its neighbours are", () => {
    const line = fc.stringMatching(/^[a-z](?:[a-z,; ]{0,60}[a-z])?[.]$/).map(normaliseText);
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), (lines) => {
        const book = lines.join("\n\n");
        expect(normaliseText(book)).toBe(book);
      }),
    );
  });
});

describe("headlines", () => {
  test("entities, the section before and the paper behind go", () => {
    expect(
      decodeEntities("Q&amp;A &#39;n&#x27; &lt;b&gt; &amp;quot;x&amp;quot; AT&T &bogus; &#xD800;"),
    ).toBe("Q&A 'n' <b> \"x\" AT&T &bogus; &#xD800;");
    expect(
      normaliseHeadline("News: ‘Rain’ Delayed By\nRain - The Onion - America's Finest News Source"),
    ).toBe("'Rain' Delayed By Rain");
    expect(normaliseHeadline("Report: Rain Wet | World news")).toBe("Report: Rain Wet");
  });
});
