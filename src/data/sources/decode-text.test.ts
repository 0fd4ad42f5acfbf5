import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeText, firstInvalidUtf8 } from "./decode-text.ts";

/** Any character but half of a surrogate pair. */
const character = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

test("valid UTF-8 has no invalid byte, and decodes to itself", () => {
  fc.assert(
    fc.property(
      fc.array(character, { maxLength: 40 }).map((all) => all.join("")),
      (text) => {
        const bytes = new TextEncoder().encode(text);
        return (
          firstInvalidUtf8(bytes) === -1 && decodeText(bytes).text === text.replace(/^\uFEFF/, "")
        );
      },
    ),
  );
});

test("agrees with TextDecoder about any bytes, and names the offset of the first bad one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const at = firstInvalidUtf8(bytes);
      const valid = (end: number): boolean => {
        try {
          new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end));
          return true;
        } catch {
          return false;
        }
      };
      return (at === -1) === valid(bytes.length) && (at <= 0 || valid(at));
    }),
    { numRuns: 2000 },
  );
});

test("bytes decide, not declarations: BOM, UTF-8, windows-1252", () => {
  expect(decodeText(new Uint8Array([0xef, 0xbb, 0xbf, 0x41]))).toEqual({
    text: "A",
    encoding: "utf-8",
  });
  expect(decodeText(new Uint8Array([0xff, 0xfe, 0x41, 0x00]))).toEqual({
    text: "A",
    encoding: "utf-16le",
  });
  expect(decodeText(new Uint8Array([0x93, 0x4b, 0xf6, 0x94]))).toEqual({
    text: "“Kö”",
    encoding: "windows-1252",
  });
});
