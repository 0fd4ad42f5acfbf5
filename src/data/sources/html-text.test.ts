import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeReferences, htmlToText } from "./html-text.ts";

test("character references: named, numbered, as old pages number them, one level at a time", () => {
  expect(decodeReferences("&eacute;&nbsp;&yuml;&iquest;&szlig;&mdash;&hellip;&apos;")).toBe(
    "é\u00A0ÿ¿ß—…'",
  );
  expect(decodeReferences("&#233; &#xE9; &#x1F600; &#146;")).toBe("é é 😀 ’");
  expect(decodeReferences("&amp;eacute; &bogus; &#xD800; &#0; &#9999999; AT&T &;")).toBe(
    "&eacute; &bogus; &#xD800; &#0; &#9999999; AT&T &;",
  );
});

test("tags go, blocks become lines, hidden content and comments are no text", () => {
  expect(htmlToText("<p>One <b>bo</b>ld.</p><p>Two<br/>three &amp; four</p>")).toBe(
    "One bold.\nTwo\nthree & four",
  );
  expect(
    htmlToText("a<script>x('<p>no</p>')</script>b<!-- <p>no</p> --><STYLE>p{}</STYLE >c"),
  ).toBe("abc");
  expect(htmlToText(`<a title="x > y" href='z'>link</a> it's 5 < 6 and 7<8`)).toBe(
    "link it's 5 < 6 and 7<8",
  );
  expect(htmlToText("kept <img src=x onerror=alert(1)>&lt;b&gt; <a href='unclosed")).toBe(
    "kept <b>",
  );
  expect(htmlToText("before <script>never closed")).toBe("before");
});

test("text without markup comes back, and no input is slow", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z 0-9.,;'"()é漢😀-]*$/u), (text) => {
      expect(htmlToText(text)).toBe(text.replaceAll(/\s+/g, " ").trim());
    }),
  );
  const started = performance.now();
  for (const piece of ["<", "<a", "<!--", "<script>", '<a b="', "&", "&#", "</p", "<p>", "&amp;"])
    htmlToText(piece.repeat(200_000));
  expect(performance.now() - started).toBeLessThan(10_000);
});
