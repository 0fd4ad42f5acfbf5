import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { normals, numbersOf } from "./finite-differences.ts";
import { Graph } from "./graph.ts";
import { muon } from "./muon.ts";
import { compile } from "./session.ts";
import { type Value, value } from "./value.ts";

type Matrix = number[][];
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));
const flip = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const rowsOf = (x: Value): Matrix => {
  const [rows, columns] = x.shape as [number, number];
  const flat = [...numbersOf(x)];
  return Array.from({ length: rows }, (_, i) => flat.slice(i * columns, (i + 1) * columns));
};

const settings = { weightDecay: 0.1, beta1: 0.9 };

/** Runs steps with the gradients in order; a rate of its own for each. */
async function steps(
  start: Value,
  gradients: readonly Value[],
  rate: (step: number) => number,
  scale = 1,
): Promise<{ parameter: Value; m: Value }> {
  const graph = new Graph();
  const input = (name: string, shape = start.shape) => graph.input(name, "float32", shape);
  const [next] = muon([
    {
      ...settings,
      parameter: input("parameter"),
      gradient: input("gradient"),
      m: input("m"),
      learningRate: input("rate", []),
      scale: input("scale", []),
    },
  ]);
  for (const [name, x] of Object.entries(next!)) graph.output(name, x);
  const program = await compile(graph);
  let state = {
    parameter: start,
    m: value("float32", start.shape, new Float32Array(start.data.length)),
  };
  for (const [i, gradient] of gradients.entries()) {
    const results = await program.run({
      ...state,
      gradient,
      rate: value("float32", [], [rate(i)]),
      scale: value("float32", [], [scale]),
    });
    state = { parameter: results["parameter"]!, m: results["m"]! };
  }
  await program.release();
  return state;
}

/** The published algorithm in double precision, with no regard for which side is shorter. */
function reference(start: Matrix, gradients: Matrix[], rate: (step: number) => number): Matrix {
  const { beta1, weightDecay } = settings;
  const zip = (a: Matrix, b: Matrix, f: (x: number, y: number) => number): Matrix =>
    a.map((row, i) => row.map((x, j) => f(x, b[i]![j]!)));
  let p = start;
  let m = zip(start, start, () => 0);
  gradients.forEach((gradient, step) => {
    m = zip(m, gradient, (x, g) => beta1 * x + (1 - beta1) * g);
    const look = zip(m, gradient, (x, g) => beta1 * x + (1 - beta1) * g);
    const norm = Math.sqrt(look.flat().reduce((sum, x) => sum + x * x, 0));
    let y = look.map((row) => row.map((x) => x / norm));
    for (let i = 0; i < 5; i++) {
      const cubed = times(times(y, flip(y)), y);
      const fifth = times(times(cubed, flip(y)), y);
      y = y.map((row, r) =>
        row.map((x, c) => 3.4445 * x - 4.775 * cubed[r]![c]! + 2.0315 * fifth[r]![c]!),
      );
    }
    const size = rate(step) * 0.2 * Math.sqrt(Math.max(p.length, p[0]!.length));
    p = zip(p, y, (x, d) => x * (1 - rate(step) * weightDecay) - size * d);
  });
  return p;
}

test.each([
  [4, 7],
  [7, 4],
  [5, 5],
  [1, 6],
])("ten steps of a %d x %d matrix are the published ones", async (rows, columns) => {
  const random = createRandom(8);
  const start = normals(random, [rows, columns]);
  const gradients = Array.from({ length: 10 }, () => normals(random, [rows, columns]));
  const rate = (step: number): number => 0.05 / (1 + step);
  const { parameter } = await steps(start, gradients, rate);
  const expected = reference(rowsOf(start), gradients.map(rowsOf), rate).flat();
  const got = numbersOf(parameter);
  expect(Math.max(...expected.map((x, i) => Math.abs(x - got[i]!)))).toBeLessThan(1e-5);
});

test("a step moves every direction alike, however uneven the gradient", async () => {
  // Singular values from 1 to 0.03, on the axes, so that they can be read off the step.
  const uneven = [1, 0.5, 0.2, 0.1, 0.03];
  const gradient = value(
    "float32",
    [5, 5],
    uneven.flatMap((s, i) => uneven.map((_, j) => (i === j ? s : 0))),
  );
  const zero = value("float32", [5, 5], new Float32Array(25));
  const { parameter } = await steps(zero, [gradient], () => 1);
  const moved = rowsOf(parameter).map((row, i) => -row[i]! / (0.2 * Math.sqrt(5)));
  for (const size of moved) {
    expect(size).toBeGreaterThan(0.5);
    expect(size).toBeLessThan(1.3);
  }
  const rms = Math.sqrt(numbersOf(parameter).reduce((sum, x) => sum + x * x, 0) / 25);
  expect(rms).toBeGreaterThan(0.1); // AdamW's is 0.2 to 0.4 by the paper
  expect(rms).toBeLessThan(0.4);
});

test("the size of the gradient does not matter", async () => {
  const random = createRandom(9);
  const start = normals(random, [3, 4]);
  const gradients = [normals(random, [3, 4]), normals(random, [3, 4])];
  const small = await steps(start, gradients, () => 0.1, 1e-3);
  const large = await steps(start, gradients, () => 0.1, 10);
  const expected = numbersOf(large.parameter);
  expect(
    Math.max(...numbersOf(small.parameter).map((x, i) => Math.abs(x - expected[i]!))),
  ).toBeLessThan(1e-3);
});

test("a gradient of zeros moves nothing but by decay", async () => {
  const start = value("float32", [2, 2], [1, -2, 3, 4]);
  const zero = value("float32", [2, 2], new Float32Array(4));
  const { parameter } = await steps(start, [zero], () => 0.5);
  expect([...numbersOf(parameter)].map((x) => Number(x.toFixed(5)))).toEqual([
    0.95, -1.9, 2.85, 3.8,
  ]);
});

test("a vector is refused", () => {
  const graph = new Graph();
  const vector = graph.input("x", "float32", [3]);
  const scalar = graph.input("s", "float32", []);
  const step = { ...settings, parameter: vector, gradient: vector, m: vector };
  expect(() => muon([{ ...step, learningRate: scalar, scale: scalar }])).toThrow(/matrix/);
});
