import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../core/json.ts";
import { type CallOutcome, sameCalls } from "./same-call.ts";

const call = (name: string, args: JsonObject): { name: string; arguments: JsonObject } => ({
  name,
  arguments: args,
});
const gold = call("get_forecast", { location: "Hannibal, Missouri", days: 3, units: "celsius" });
const changed = (args: JsonObject): typeof gold => call(gold.name, { ...gold.arguments, ...args });

describe("what is forgiven", () => {
  test.each(["hannibal,missouri", " Hannibal ,  MISSOURI ", "Hannibal, Missouri"])(
    "place text %j",
    (location) => expect(sameCalls([changed({ location })], [gold])).toBe("match"),
  );
  test("case of a date word", () => {
    const wanted = call("get_weather", { location: "Rome", date: "Saturday" });
    const written = call("get_weather", { date: "saturday", location: "rome" });
    expect(sameCalls([written], [wanted])).toBe("match");
  });
});

describe("every mutation of a gold call fails", () => {
  const { location: _, ...unplaced } = gold.arguments;
  test.each<[CallOutcome, ReturnType<typeof call>[]]>([
    ["no-call", []],
    ["wrong-count", [gold, gold]],
    ["wrong-name", [call("get_weather", gold.arguments)]],
    ["missing-argument", [call(gold.name, unplaced)]],
    ["extra-argument", [changed({ date: "today" })]],
    ["wrong-type", [changed({ days: "3" })]],
    ["wrong-type", [changed({ location: null })]],
    ["wrong-value", [changed({ days: 4 })]],
    ["wrong-value", [changed({ location: "Hannibal" })]],
    ["wrong-value", [changed({ location: "Hannibal Missouri" })]],
    ["wrong-value", [changed({ units: "Celsius" })]],
  ])("%s", (outcome, actual) => expect(sameCalls(actual, [gold])).toBe(outcome));

  test("arguments that are no object", () => {
    expect(sameCalls([{ name: gold.name, arguments: "{oops" }], [gold])).toBe("malformed");
    expect(sameCalls([{ name: gold.name, arguments: [] }], [gold])).toBe("malformed");
  });
  test("a call where none is right, and none where none is right", () => {
    expect(sameCalls([gold], [])).toBe("unexpected-call");
    expect(sameCalls([], [])).toBe("match");
  });
});

test("order is free, and a call cannot stand for two", () => {
  const calls = fc.array(
    fc.constantFrom("Rome", "Oslo", "Lima").map((location) => call("get_weather", { location })),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(calls, calls, (a, b) => {
      const sorted = (list: typeof a): string =>
        list
          .map((one) => JSON.stringify(one.arguments))
          .toSorted()
          .join();
      expect(sameCalls(a, b) === "match").toBe(sorted(a) === sorted(b));
    }),
  );
});
