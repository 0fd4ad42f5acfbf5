/** The whole stage with scripted systems: a perfect one, a silent one, and what makes it fail. */
import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ToolSlice } from "../core/tool-case.ts";
import { createEvaluate } from "./evaluate.ts";
import { scoreTable } from "./report-rows.ts";
import type { System } from "./system.ts";
import {
  caseOf,
  gold,
  now,
  recipe,
  say,
  scripted,
  system,
  testEvaluation,
  valueOf,
} from "./test-evaluation.ts";

const { dir, run, write, remove } = testEvaluation();
beforeAll(write);
afterAll(remove);

test("a perfect adapter against a silent base: every score, comparison, gate and file", async () => {
  const { report, samples, events } = await run([
    system(
      "base",
      scripted(() => say("virtue and industry")),
    ),
    system("adapter", gold(), -1),
  ]);
  expect(report.systems).toEqual(["base", "adapter"]);
  for (const metric of ["call-valid", "call-correct", "answer-grounded", "end-to-end"]) {
    expect(valueOf(report, metric)).toBe(1);
    expect(valueOf(report, metric, "base")).toBe(0);
    for (const slice of ToolSlice.exclude(["no-tool", "missing-location"]).options)
      expect(valueOf(report, metric, "adapter", slice)).toBe(1);
  }
  expect(valueOf(report, "outcome/no-call", "base")).toBe(1);
  expect(valueOf(report, "false-call")).toBe(0);
  expect(valueOf(report, "loss", "base")).toBeCloseTo(2);
  expect(valueOf(report, "perplexity")).toBeCloseTo(Math.E);
  expect(valueOf(report, "bits-per-byte")).toBeCloseTo(15 / 36 / Math.LN2);
  expect(valueOf(report, "loss", "adapter", "tool")).toBeCloseTo(1);
  expect(valueOf(report, "p-twain")!).toBeGreaterThan(valueOf(report, "p-twain", "base")!);
  expect(valueOf(report, "auc", "classifier")).toBe(1);
  expect(report.gates.filter((gate) => !gate.pass)).toEqual([]);
  expect(report.comparisons.find((entry) => entry.metric === "loss")).toMatchObject({
    from: "base",
    to: "adapter",
    better: "lower",
  });
  expect(
    report.comparisons.find((entry) => entry.metric === "end-to-end" && !entry.slice),
  ).toMatchObject({ difference: 1, n: 6, p: expect.closeTo(2 * 0.5 ** 6, 9) });
  // Input order, whatever finished first.
  expect(
    samples
      .filter((sample) => sample.task === "tools" && sample.system === "base")
      .map((sample) => sample.id),
  ).toEqual(["p1", "p2", "l1", "b1", "s1", "f1"]);
  expect(events.filter((event) => event.type === "score").length).toBeGreaterThan(10);
  expect(scoreTable(report)).toMatch(/tools: end-to-end +0\.0 % .* 100\.0 % .*better +6/);
  expect(await readFile(dir.evaluate.markdown, "utf8")).toContain("| tools | end-to-end |");
  expect(await readFile(dir.evaluate.junit, "utf8")).toContain('failures="0"');
});

describe("what fails the run, never the item", () => {
  test("a chat that throws", async () => {
    const chat = scripted((messages) => {
      if (caseOf(messages)?.id === "l1") throw new Error("out of memory");
      return say("hm");
    });
    await expect(run([system("adapter", chat)], ["tools"])).rejects.toThrow("out of memory");
  });

  test("a tool or checker that throws", async () => {
    const good = await readFile(dir.dataset.toolCases, "utf8");
    await writeFile(dir.dataset.toolCases, good.replaceAll(now, "once upon a time"));
    await expect(run([system("adapter", gold())], ["tools"])).rejects.toThrow();
    await writeFile(dir.dataset.toolCases, good);
  });

  test("a loss of zero, NaN, or no trained token", async () => {
    for (const bad of [
      { sum: 0, tokens: 3, bytes: 3 },
      { sum: NaN, tokens: 3, bytes: 3 },
      { sum: -1, tokens: 0, bytes: 3 },
    ]) {
      const broken: System = {
        name: "adapter",
        chat: gold(),
        logProbs: async (rows) => rows.map(() => bad),
      };
      await expect(run([broken], ["loss"])).rejects.toMatchObject({
        code: "evaluate/bad-log-prob",
      });
    }
  });

  test("an abort, and systems are closed all the same", async () => {
    let closed = 0;
    const controller = new AbortController();
    const chat = scripted(() => {
      controller.abort();
      return say("");
    });
    const systems = [{ ...system("adapter", chat), close: async () => void closed++ }];
    await expect(run(systems, ["tools"], controller.signal)).rejects.toThrow(/abort/i);
    expect(closed).toBe(1);
  });
});

test("rows that do not fit one system's context are left out for all, and it is said", async () => {
  const short: System = {
    name: "adapter",
    chat: gold(),
    logProbs: async (rows) =>
      rows.map((row) => (row.id === "r2" ? undefined : { sum: -3, tokens: 3, bytes: 9 })),
  };
  const { report, events } = await run([system("base", gold()), short], ["loss"]);
  expect(report.scores.filter((score) => score.metric === "loss").map((score) => score.n)).toEqual([
    2, 2,
  ]);
  expect(events.find((event) => event.type === "notice")).toMatchObject({
    message: expect.stringContaining("1 of 3") as string,
  });
  const lazy: System = { ...short, logProbs: async () => [] };
  await expect(run([lazy], ["loss"])).rejects.toThrow("scored 0 of 3");
});

test("an unknown task is named before anything runs", () => {
  const stage = createEvaluate({ openSystems: async () => [] });
  expect(() =>
    stage.config({ ...recipe, evaluate: { ...recipe.evaluate, tasks: ["lost"] } }),
  ).toThrow(expect.objectContaining({ code: "evaluate/unknown-task", hint: "Did you mean loss?" }));
});
