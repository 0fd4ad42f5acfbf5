import fc from "fast-check";
import { expect, test } from "vitest";
import { lenientJson } from "./lenient-json.ts";

test.each([
  ['{"text": "a"}', { text: "a" }],
  ['```json\n{"text": "a"}\n```', { text: "a" }],
  [
    'Here it is:\n\n{"text": "a {brace} and \\"quote\\""} Enjoy!',
    { text: 'a {brace} and "quote"' },
  ],
  ['<think>\nSay {"text": "no"}?\n</think>\n{"text": "yes"}', { text: "yes" }],
  ['{"text": "two\nlines",}', { text: "two\nlines" }],
  ['{"questions": ["a", "b",], }', { questions: ["a", "b"] }],
  ['{"text": "a, }"}', { text: "a, }" }],
])("%j holds an object", (answer, object) => {
  expect(lenientJson(answer)).toEqual(object);
});

test.each([
  "",
  "The rain fell on Hannibal.",
  "[1, 2]",
  '"text"',
  "{",
  '{"text": "cut',
  "{text: a}",
  "null",
])("%j holds none", (answer) => {
  expect(lenientJson(answer)).toBeUndefined();
});

test("an object is found in whatever prose stands around it", () => {
  const prose = fc.string().filter((text) => !/[{`<]/.test(text));
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), prose, prose, (object, before, after) => {
      expect(lenientJson(before + JSON.stringify(object) + after)).toEqual(
        JSON.parse(JSON.stringify(object)),
      );
    }),
  );
});

test("a long answer of opening braces takes no time", () => {
  const started = performance.now();
  expect(lenientJson("{".repeat(150_000))).toBeUndefined();
  expect(lenientJson('{"a":'.repeat(40_000))).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(2000);
});
