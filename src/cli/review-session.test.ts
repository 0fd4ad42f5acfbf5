import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { TwainError } from "../core/errors.ts";
import type { Verdict } from "../data/review/put-verdict.ts";
import type { ReviewItem } from "../data/review/review-item.ts";
import { readReply, reviewSession } from "./review-session.ts";

const item = (id: string): ReviewItem => ({
  type: "record",
  id,
  of: id,
  group: "g",
  kind: "aphorism",
  source: "s",
  licence: "l",
  text: `The text of ${id}.`,
});

test.each([
  ["a", { type: "verdict", verdict: "accept" }],
  ["4 2", { type: "verdict", verdict: "accept", voice: 4, wit: 2 }],
  [
    "r 1 sounds like a bank",
    { type: "verdict", verdict: "reject", voice: 1, note: "sounds like a bank" },
  ],
  ["REJECT", { type: "verdict", verdict: "reject" }],
  ["e 5 5", { type: "verdict", verdict: "edit", voice: 5, wit: 5 }],
  ["", { type: "skip" }],
  ["q", { type: "quit" }],
  ["quit it", { type: "unclear" }],
  ["a 7", { type: "unclear" }],
  ["yes", { type: "unclear" }],
])("%j is read as %j", (line, reply) => expect(readReply(line)).toEqual(reply));

async function session(
  lines: string,
  save?: (item: ReviewItem, verdict: Verdict) => Promise<unknown>,
) {
  const saved: [string, Verdict][] = [];
  const input = new PassThrough();
  const output = new PassThrough();
  input.end(lines);
  const judged = await reviewSession(["one", "two", "three"].map(item), {
    input,
    output,
    page: { width: 60, paint: (_, text) => text },
    save:
      save ??
      ((each, verdict) => {
        saved.push([each.id, verdict]);
        return Promise.resolve();
      }),
    signal: new AbortController().signal,
  });
  return { judged, saved, shown: String(output.read()) };
}

test("each item is shown, and what is said of it is stored before the next", async () => {
  const { judged, saved, shown } = await session(
    "r 2 dull\nwhat\ne\nA new text\nin two lines.\n.\n\n",
  );
  expect(judged).toBe(2);
  expect(saved).toEqual([
    ["one", { verdict: "reject", voice: 2, note: "dull" }],
    ["two", { verdict: "edit", text: "A new text\nin two lines." }],
  ]);
  for (const text of ["1/3", "The text of one.", "3/3", "The text of three."])
    expect(shown).toContain(text);
});

test("the end of the input, or q, ends it with what was said until then", async () => {
  expect((await session("a\n")).saved).toHaveLength(1);
  expect((await session("a\nq\nr\n")).saved).toHaveLength(1);
  // An edit that is broken off is none.
  expect((await session("e\nhalf a text\n")).saved).toEqual([]);
});

test("a text that cannot be is told, and the item is asked about again", async () => {
  let tries = 0;
  const { judged, shown } = await session("a\nr\nq\n", () => {
    if (tries++ === 0)
      throw new TwainError("data/bad-review", "one cannot say that", { hint: "Not so." });
    return Promise.resolve();
  });
  expect([judged, tries]).toEqual([1, 2]);
  expect(shown).toContain("one cannot say that. Not so.");
});
