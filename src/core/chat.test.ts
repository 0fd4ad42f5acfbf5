import { expect, test } from "vitest";
import { type Message, fromWireMessage, toWireMessage } from "./chat.ts";
import { canonicalJson } from "./json.ts";
import { createRandom } from "./random.ts";

test("messages survive the wire; arguments are text there and values here", () => {
  const messages: Message[] = [
    { role: "system", content: "[twain]" },
    { role: "user", content: "Will it rain?" },
    {
      role: "assistant",
      content: null,
      toolCalls: [{ id: "a", name: "get_weather", arguments: { location: "Hannibal", days: 3 } }],
    },
    { role: "tool", content: "{}", toolCallId: "a", name: "get_weather" },
    { role: "assistant", content: "It will." },
  ];
  const wire = messages.map(toWireMessage);
  expect(wire[2]).toMatchObject({
    tool_calls: [{ function: { arguments: '{"location":"Hannibal","days":3}' } }],
  });
  expect(wire.map(fromWireMessage)).toEqual(messages);
});

test("arguments that are not JSON stay the text that they were", () => {
  const wire = {
    role: "assistant" as const,
    content: null,
    tool_calls: [
      { id: "a", type: "function" as const, function: { name: "f", arguments: '{"broken' } },
    ] as [never],
  };
  expect(toWireMessage(fromWireMessage(wire))).toEqual(wire);
});

test("canonical JSON does not depend on key order", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: undefined })).toBe(
    canonicalJson({ b: [1, { c: "x", d: null }] }),
  );
  expect(JSON.parse(canonicalJson({ b: 1, a: [true, "é"] }))).toEqual({ b: 1, a: [true, "é"] });
});

test("randomness repeats by seed, forks are independent of each other's use", () => {
  const draw = (): number[] => {
    const random = createRandom(3);
    const a = random.fork("a");
    if (random.next() < 2) a.next();
    return [random.fork("b").next(), random.integer(1, 6), random.normal()];
  };
  expect(draw()).toEqual(draw());
  const random = createRandom(9);
  const shuffled = random.shuffle([1, 2, 3, 4, 5]);
  expect(shuffled.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  const rolls = Array.from({ length: 6000 }, () => random.integer(1, 6));
  for (let face = 1; face <= 6; face++)
    expect(rolls.filter((roll) => roll === face).length).toBeGreaterThan(850);
});
