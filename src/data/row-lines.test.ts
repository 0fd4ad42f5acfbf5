import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Conversation, ConversationRow } from "../core/conversation.ts";
import { readJsonl } from "../core/jsonl.ts";
import { parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import { runStage } from "../core/stage.ts";
import { collect } from "./collect.ts";
import { curate } from "./curate.ts";
import { LedgerLine } from "./ledger.ts";
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

test("of every episode that was made the run knows what became of it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "twainbot-rows-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const dir = runDir(join(folder, "run"));
  const training = { steps: 1, learningRate: 1e-3 };
  const episodes = 240;
  const recipe = parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "bundled", sets: ["twain", "headlines"] }] },
      curate: {
        // Small talk has few wordings: some rows are made twice.
        episodes: { train: episodes, cases: 1, answers: 2, mix: { "no-tool": 1, hybrid: 0.3 } },
        balance: {},
        maxLoss: 1,
      },
      base: { kind: "hub", name: "some/model" },
      train: training,
    },
    "test",
  );
  const { signal } = new AbortController();
  for await (const _ of runStage(collect, recipe, dir, signal));
  for await (const _ of runStage(curate, recipe, dir, signal));
  const fates = new Map<string, string>();
  for (const side of ["train", "valid", "test"] as const)
    for await (const { id } of readJsonl(dir.dataset[side], ConversationRow)) fates.set(id, "kept");
  for await (const { id, kind, verdicts, text } of readJsonl(dir.ledger, LedgerLine)) {
    if (kind !== "row") continue;
    expect(fates.has(id), id).toBe(false);
    const { step, reason } = verdicts.at(-1)!;
    fates.set(id, `${step}: ${reason}`);
    expect(text !== undefined).toBe(step === "verify");
  }
  const made = Array.from({ length: episodes }, (_, i) => `episode-${String(i).padStart(6, "0")}`);
  expect(made.filter((id) => !fates.has(id))).toEqual([]);
  expect(new Set(fates.values())).toEqual(
    new Set(["kept", "verify: duplicate", "balance: over-its-share"]),
  );
}, 120_000);
