import { expect, test } from "vitest";
import type { Conversation } from "../core/conversation.ts";
import type { LedgerLine } from "./ledger.ts";
import { refusedLine, rowLines } from "./row-lines.ts";

const row = (id: string): Conversation => ({
  id,
  messages: [
    { role: "user", content: "Will it rain in Rome?" },
    {
      role: "assistant",
      content: null,
      toolCalls: [{ id: "call_1", name: "get_weather", arguments: { location: "Rome" } }],
    },
    { role: "tool", toolCallId: "call_1", content: '{"high":9}' },
    { role: "assistant", content: "It may." },
  ],
  tags: { persona: "neutral", domain: "tool", source: "episodes", synthetic: true },
  meta: { parents: [], licence: "CC0-1.0", split_key: "a" },
});

test("a refused row is told with its reason, its text and what it repeats", () => {
  const line = refusedLine(row("b"), "duplicate", "a");
  expect(line).toMatchObject({ id: "b", kind: "row", source: "episodes", mergedWith: "a" });
  expect(line.verdicts).toEqual([{ step: "verify", verdict: "drop", reason: "duplicate" }]);
  expect(line.text).toContain("user: Will it rain in Rome?\n");
  expect(line.text).toContain('"location":"Rome"');
  expect(refusedLine(row("b"), "replay")).not.toHaveProperty("mergedWith");
});

test("rows over their share get a line each without a text; a reviewed one keeps the word of its reviewer", () => {
  const reviewed: LedgerLine = {
    id: "b",
    source: "episodes",
    licence: "CC0-1.0",
    kind: "row",
    verdicts: [{ step: "review", verdict: "keep" }],
  };
  const refused = refusedLine(row("x"), "replay");
  const lines = [...rowLines([reviewed, refused], ["a", "b", "c", "d"].map(row), [1, 3])];
  expect(lines.map(({ id }) => id)).toEqual(["x", "b", "d"]);
  const left = { step: "balance", verdict: "drop", reason: "over-its-share" };
  expect(lines[1]!.verdicts).toEqual([...reviewed.verdicts, left]);
  expect(lines[2]!.verdicts).toEqual([left]);
  expect(lines[2]).not.toHaveProperty("text");
  expect([...rowLines([reviewed], [], [])]).toEqual([reviewed]);
});
