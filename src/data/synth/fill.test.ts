import { expect, test } from "vitest";
import { capitalised, fill, numberWord, slotsOf } from "./fill.ts";

test.each([
  ["a {n} percent chance", { n: 8 }, "an 8 percent chance"],
  ["a {n} percent chance", { n: 80 }, "an 80 percent chance"],
  ["a {n}% chance", { n: 18 }, "an 18% chance"],
  ["A {n} percent chance", { n: 11 }, "An 11 percent chance"],
  ["a {n} percent chance", { n: 70 }, "a 70 percent chance"],
  ["a {n} percent chance", { n: 1 }, "a 1 percent chance"],
  ["{n} degrees", { n: 1 }, "1 degree"],
  ["{n} degrees", { n: -1 }, "-1 degree"],
  ["{n} degrees", { n: 21 }, "21 degrees"],
  ["{n} degrees", { n: 0 }, "0 degrees"],
  ["for {p} {w}, rain", { p: "Rome", w: "" }, "for Rome, rain"],
  ["He lives in {p}.", { p: "Washington D.C." }, "He lives in Washington D.C."],
])("%s with %j", (template, values, text) => expect(fill(template, values)).toBe(text));

test("a slot without a value is a fault of the corpus", () => {
  expect(() => fill("{high} and {low}", { high: 3 })).toThrow("{low}");
  expect(slotsOf("{high} and {low}")).toEqual(["high", "low"]);
});

test("sentences that a slot opens get their capital", () => {
  expect(capitalised("light rain is due. fog too.")).toBe("Light rain is due. Fog too.");
  expect(numberWord(3)).toBe("three");
});
