import { describe, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { Graph, compile, value } from "../engine/index.ts";
import { dropoutNumbers, inputDropout } from "./dropout.ts";

const [tokens, width] = [400, 96];

/** What becomes of a matrix of ones in two modules, by row. */
async function masks(rate: number, seed: number): Promise<number[][][]> {
  const graph = new Graph();
  const drop = inputDropout(graph, rate, tokens);
  const ones = graph.constant(1, "float32", [4, tokens / 4, width]);
  const module = { inFeatures: width, outFeatures: 8, rank: 2, scale: 1, dora: false };
  for (const name of ["a", "b"]) graph.output(name, drop(ones, { ...module, name }));
  const program = await compile(graph);
  const numbers = dropoutNumbers(createRandom(seed), tokens);
  const found = await program.run({ dropout: value("float32", [tokens, 3], numbers) });
  await program.release();
  return ["a", "b"].map((name) => {
    const data = [...(found[name]!.data as Float32Array)];
    return Array.from({ length: tokens }, (_, t) => data.slice(t * width, (t + 1) * width));
  });
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

describe.each([0.05, 0.3, 0.9])("dropout of %d", (rate) => {
  test("zeroes its share and keeps the expectation", async () => {
    const [rows] = await masks(rate, 1);
    const all = rows!.flat();
    const kept = Math.max(...all);
    expect(new Set(all)).toEqual(new Set([0, kept]));
    expect(kept).toBeCloseTo(1 / (1 - rate), 1);
    // Three standard deviations of 38,400 draws, for both.
    expect(Math.abs(mean(all.map((x) => Number(x === 0))) - rate)).toBeLessThan(0.008);
    expect(Math.abs(mean(all) - 1)).toBeLessThan(0.008 / (1 - rate));
  });

  test("elements, tokens and modules are independent of each other", async () => {
    const [a, b] = await masks(rate, 2);
    const variance = rate * (1 - rate);
    const correlation = (x: readonly number[], y: readonly number[]): number =>
      mean(x.map((one, i) => (Number(one === 0) - rate) * (Number(y[i] === 0) - rate))) / variance;
    const column = (rows: number[][], i: number): number[] => rows.map((row) => row[i]!);
    const pairs = Array.from({ length: width - 1 }, (_, i) => [
      correlation(column(a!, i), column(a!, i + 1)),
      correlation(a![i]!, a![i + 1]!),
      correlation(a![i]!, b![i]!),
    ]);
    for (const kind of [0, 1, 2])
      expect(Math.abs(mean(pairs.map((pair) => pair[kind]!))), `kind ${kind}`).toBeLessThan(0.04);
    expect(new Set(a!.map((row) => row.join())).size).toBeGreaterThan(rate === 0.05 ? 300 : 380);
  });
});
