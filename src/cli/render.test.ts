import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { RunEvent } from "../core/events.ts";
import type { Manifest } from "../core/stage.ts";
import { createRenderer, dropReasons } from "./render.ts";

const manifest = (overrides: Partial<Manifest> = {}): Manifest => ({
  schema: 1,
  stage: "curate",
  fingerprint: "f",
  inputs: {},
  outputs: [],
  counts: { documents: 1355, "0-bundled": 1355, bestStep: 20 },
  dropped: { "too-long": 12, empty: 1 },
  seconds: 192,
  versions: {},
  ...overrides,
});

/** An output that remembers, with a clock that the test moves. */
function stage(isTTY: boolean, columns = 80) {
  let text = "";
  let clock = 0;
  const output = {
    write: (part: string) => void (text += part),
    isTTY,
    columns,
    hasColors: () => false,
  };
  const renderer = createRenderer(output, { now: () => clock });
  return {
    renderer,
    pass: (milliseconds: number) => (clock += milliseconds),
    written: () => text,
    /** What a terminal shows: every erased line gone. */
    screen: () =>
      text
        .split("\n")
        .map((line) => stripVTControlCharacters(line.split("\r\u001B[2K").at(-1)!))
        .join("\n"),
  };
}

const start = (stageName: "train" | "curate"): RunEvent => ({
  type: "stage-start",
  stage: stageName,
  fingerprint: "f",
  at: "",
});
const step = (number: number, steps = 400): RunEvent => ({
  type: "train-step",
  stage: "train",
  step: number,
  steps,
  loss: 1.23456,
  learningRate: 1e-3,
  gradNorm: 1,
  tokensPerSecond: 9812,
});

describe("in a terminal", () => {
  test("one line a stage, rewritten in place and gone at the end", () => {
    const { renderer, pass, screen } = stage(true);
    renderer.show(start("train"));
    for (let i = 1; i <= 100; i++) {
      pass(100);
      renderer.show(step(i));
    }
    expect(screen().split("\n")).toHaveLength(1);
    expect(screen()).toMatch(/train .*step 100\/400 {2}30 s left {2}loss 1\.235 {2}9\.8k tok\/s$/);
    renderer.finish(manifest({ stage: "train" }), false);
    renderer.close();
    expect(screen()).toBe(
      "✓ train    documents 1,355, best step 20 · dropped 13 (too-long 12, empty 1) · 3\n           min 12 s\n",
    );
  });

  test("the live line is never wider than the terminal, whatever a stage says", () => {
    for (const columns of [40, 60, 80, 200]) {
      const { renderer, pass, written } = stage(true, columns);
      renderer.show(start("curate"));
      for (const label of ["x", "a very long label ".repeat(20), "naïve “quotes” …".repeat(9)]) {
        pass(100);
        renderer.show({ type: "progress", stage: "curate", label, done: 5, total: 10 });
      }
      renderer.close();
      for (const drawing of written().split(/\r\u001B\[2K|\n/))
        expect([...drawing].length).toBeLessThan(columns);
    }
  });

  test("a notice stays above the live line", () => {
    const { renderer, pass, screen } = stage(true);
    renderer.show(start("train"));
    pass(100);
    renderer.show(step(1));
    renderer.show({ type: "notice", stage: "train", message: "resumed after step 5" });
    pass(100);
    renderer.show(step(2));
    expect(screen().split("\n")[0]).toBe("  train    resumed after step 5");
    expect(screen().split("\n")[1]).toContain("step 2/400");
  });
});

describe("without a terminal", () => {
  test("no escape code, and lines at intervals rather than one a step", () => {
    const { renderer, pass, written } = stage(false);
    renderer.show(start("train"));
    for (let i = 1; i <= 400; i++) {
      pass(250);
      renderer.show(step(i));
    }
    renderer.finish(manifest({ stage: "train" }), false);
    expect(written()).toBe(stripVTControlCharacters(written()));
    // 100 seconds at one line in 15, the last step, and the stage's beginning and end.
    expect(written().trim().split("\n").length).toBeLessThanOrEqual(10);
    expect(written()).toContain("step 400/400 · loss 1.235");
  });

  test("a skipped stage says so", () => {
    const { renderer, written } = stage(false);
    renderer.show({ type: "stage-skip", stage: "curate", reason: "up to date" });
    renderer.finish(manifest(), true);
    expect(written()).toBe("– curate   up to date\n");
  });
});

test("reasons for drops: the largest first, the rest counted", () => {
  expect(dropReasons({ a: 1, b: 1200, c: 3, d: 2, e: 0 })).toBe(
    "b 1,200, c 3, d 2 and 1 other reason",
  );
  expect(dropReasons({})).toBe("");
});
