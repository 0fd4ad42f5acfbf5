import { expect, test } from "vitest";
import type { RecordStory } from "../data/record-story.ts";
import type { Story } from "../data/why.ts";
import { storyText } from "./story-text.ts";

const plain = (story: Story): string => storyText(story, "runs/t", 60, (_, text) => text);
const record: RecordStory = {
  type: "record",
  id: "gutenberg:1#2",
  kind: "passage",
  source: "gutenberg",
  licence: "public domain",
  author: "Ada Finch",
  outcome: "dropped",
  reason: "length: too short",
  text: "Too short to keep.",
  cutFrom: ["gutenberg:1"],
  verdicts: [
    { step: "normalise", verdict: "keep" },
    { step: "length", verdict: "drop", reason: "too short", numbers: { words: 4, low: 20 } },
  ],
  chunks: [],
  duplicateOf: [],
  copies: [],
  rows: [],
};

test("a dropped record: what, where from, its text, the verdicts with their numbers", () => {
  expect(plain(record)).toBe(`gutenberg:1#2: passage, dropped (length: too short)
  source    gutenberg
  licence   public domain
  author    Ada Finch
  cut from  gutenberg:1

Text, as it was when it was dropped
  Too short to keep.

What curation said
  normalise  kept
  length     dropped  too short · words 4 · low 20

No dataset row was made from it

from runs/t
`);
});

test("a book with thousands of chunks and rows fits a screen and says how many there are", () => {
  const { text: _, ...rest } = record;
  const chunks = Array.from({ length: 2000 }, (_unused, i) => ({
    id: `gutenberg:1#${i + 1}`,
    ...(i < 300
      ? { outcome: "dropped" as const, reason: "length: too short" }
      : { outcome: "kept" as const }),
  }));
  const rows = chunks.slice(300).map(({ id }, i) => ({
    id: `instruction-${id}-0`,
    split: i < 100 ? ("valid" as const) : ("train" as const),
    parent: id,
    domain: "literary",
    asks: "Go on:",
    says: "And so they did.",
  }));
  const lines = plain({ ...rest, outcome: "cut", chunks, rows }).split("\n");
  expect(lines.length).toBeLessThan(60);
  expect(lines).toContain("Cut into 2,000, of which 300 dropped (length: too short 300)");
  expect(lines).toContain("  and 1,992 more: --json lists all");
  expect(lines).toContain("Dataset rows: train 1,600, valid 100");
  expect(lines).toContain("    “Go on:”");
});

test("a run that is not finished, and a text that no file holds, are said to be so", () => {
  const { text: _, rows: _rows, ...rest } = record;
  const told = plain(rest);
  expect(told).toContain("Its text is not in this ledger");
  expect(told).toContain("the curate stage of this run is not finished");
});

test("a row: its parents' work, its call and its answer", () => {
  const told = plain({
    type: "row",
    id: "episode-000001",
    split: "test",
    tags: { persona: "twain", domain: "tool", source: "episodes", synthetic: true },
    meta: {
      parents: ["b:1", "b:2"],
      licence: "CC0-1.0",
      template: "now:4",
      split_key: "test:now:4",
    },
    parents: [{ id: "b:1", kind: "aphorism", author: "Ada Finch" }, { id: "b:2" }],
    messages: [
      { role: "user", content: "Rain?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: "c",
            type: "function",
            function: { name: "get_weather", arguments: '{"location":"Rome"}' },
          },
        ],
      },
      { role: "assistant", content: "Some." },
    ],
  });
  for (const line of [
    "  template   now:4",
    "  split key  test:now:4",
    "  b:1  aphorism from Ada Finch",
    "  b:2  not in the ledger",
    '  assistant  → get_weather(location: "Rome")',
    "  assistant  Some.",
  ])
    expect(told.split("\n")).toContain(line);
});
