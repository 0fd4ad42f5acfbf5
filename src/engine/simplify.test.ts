import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { Graph, type Node } from "./graph.ts";
import { add, cast, div, mul, neg, scale, sub } from "./ops/elementwise.ts";
import { after } from "./ops/after.ts";
import { gather } from "./ops/indexing.ts";
import { expand, identity, reshape, stopGradient, transpose } from "./ops/layout.ts";
import { matmul } from "./ops/matmul.ts";
import { print } from "./print.ts";
import { simplify } from "./simplify.ts";
import { type Tensor, sizeOf } from "./tensor.ts";

type Numbers = number[];

/** Row-major positions of `shape`, each as its index on every axis. */
const indices = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>(
    (all, size) => all.flatMap((at) => Array.from({ length: size }, (_, i) => [...at, i])),
    [[]],
  );

/** The element that index `at` (of a shape that `x` broadcasts to) reads. */
function read(x: Tensor, data: Numbers, at: readonly number[]): number {
  const own = at.slice(at.length - x.shape.length);
  return data[
    x.shape.reduce((flat, size, axis) => flat * size + (size === 1 ? 0 : own[axis]!), 0)
  ]!;
}

/** The few ops that random graphs are made of, computed directly. */
function evaluateNode({ op, inputs, attrs, output }: Node, values: Numbers[]): Numbers {
  const [a, b] = inputs;
  const [x, y] = values;
  const elementwise = (f: (p: number, q: number) => number): Numbers =>
    indices(output.shape).map((at) => f(read(a!, x!, at), b ? read(b, y!, at) : 0));
  switch (op.name) {
    case "Add":
      return elementwise((p, q) => p + q);
    case "Sub":
      return elementwise((p, q) => p - q);
    case "Mul":
      return elementwise((p, q) => p * q);
    case "Div":
      return elementwise((p, q) => p / q);
    case "Neg":
      return elementwise((p) => -p);
    case "Expand":
      return elementwise((p) => p);
    case "Transpose": {
      const perm = attrs["perm"] as number[];
      return indices(output.shape).map((at) =>
        read(
          a!,
          x!,
          a!.shape.map((_, axis) => at[perm.indexOf(axis)]!),
        ),
      );
    }
    case "MatMul": {
      const inner = attrs["transA"] ? a!.shape.at(-2)! : a!.shape.at(-1)!;
      return indices(output.shape).map((at) => {
        const [i, j] = [at.at(-2)!, at.at(-1)!];
        const cell = (k: number): number =>
          read(a!, x!, [...at.slice(0, -2), ...(attrs["transA"] ? [k, i] : [i, k])]) *
          read(b!, y!, [...at.slice(0, -2), ...(attrs["transB"] ? [j, k] : [k, j])]);
        return Array.from({ length: inner }, (_, k) => cell(k)).reduce((p, q) => p + q, 0);
      });
    }
    case "Slice": {
      const { axis, start } = attrs as { axis: number; start: number };
      return indices(output.shape).map((at) => read(a!, x!, at.with(axis, at[axis]! + start)));
    }
    default:
      return x!;
  }
}

function evaluate(graph: Graph, feed: (x: Tensor) => Numbers): Record<string, Numbers> {
  const known = new Map<number, Numbers>();
  const valueOf = (x: Tensor): Numbers => {
    if (x.origin.kind === "constant")
      return Array.from<number | bigint, number>(x.origin.data as Float32Array, Number);
    return x.origin.kind === "node" ? known.get(x.id)! : feed(x);
  };
  for (const node of graph.nodes)
    known.set(node.output.id, evaluateNode(node, node.inputs.map(valueOf)));
  return Object.fromEntries([...graph.outputs].map(([name, x]) => [name, valueOf(x)]));
}

/** A graph of no-ops, duplicates and dead ends among real work, on values that are small integers. */
function randomGraph(seed: number, size: number): Graph {
  const random = createRandom(seed);
  const graph = new Graph();
  const pool = [
    graph.input("a", "float32", [2, 3]),
    graph.input("b", "float32", [3, 2]),
    graph.input("c", "float32", [2, 2, 3]),
  ];
  const constant = (x: Tensor): Tensor =>
    graph.constant(random.pick([0, 1, 2]), "float32", random.pick([[], x.shape]));
  const turn = (x: Tensor): Tensor => transpose(x, random.shuffle(x.shape.map((_, axis) => axis)));
  const makers: ((x: Tensor, y: Tensor) => Tensor)[] = [
    (x) => add(x, constant(x)),
    (x) => add(constant(x), x),
    (x) => sub(x, constant(x)),
    (x) => sub(constant(x), x),
    (x) => mul(x, constant(x)),
    (x) => mul(constant(x), x),
    (x) => div(x, graph.constant(random.pick([1, 2]), "float32")),
    neg,
    identity,
    stopGradient,
    turn,
    turn,
    (x) => reshape(x, random.shuffle(x.shape)),
    (x) => reshape(x, [-1]),
    (x) => expand(x, x.shape),
    (x) => after(x, random.pick(pool)),
    (x) => cast(x, "float32"),
    (x, y) => (sizeOf(x.shape) === sizeOf(y.shape) ? add(x, reshape(y, x.shape)) : x),
    (x) => (x.shape.length < 2 ? x : matmul(x, turn(x), { transB: false })),
    (x) => graph.recomputing(() => neg(x)),
  ];
  for (let i = 0; i < size; i++) {
    try {
      pool.push(random.pick(makers)(random.pick(pool), random.pick(pool)));
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error)) throw error; // A product whose shapes do not fit.
    }
  }
  pool.slice(-3).forEach((x, i) => graph.output(`y${i}`, x));
  return graph;
}

test("a simplified graph computes the same and is a fixed point", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 30 }),
      fc.boolean(),
      (seed, size, webgpu) => {
        const graph = randomGraph(seed, size);
        const small = simplify(graph, { webgpu });
        const feed = (x: Tensor): Numbers =>
          Array.from({ length: sizeOf(x.shape) }, (_, i) => ((i * 7 + 3) % 5) - 2);
        const plain = (values: Record<string, Numbers>) =>
          Object.entries(values).map(([name, v]) => [name, v.map((n) => n + 0)]);
        expect(plain(evaluate(small, feed))).toEqual(plain(evaluate(graph, feed)));
        expect(print(simplify(small, { webgpu }))).toBe(print(small));
      },
    ),
    { numRuns: 300, seed: 2 },
  );
});

const names = (graph: Graph): string[] => graph.nodes.map((node) => node.op.name);

test("dead nodes go, equal nodes merge, recomputed ones do not", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  neg(neg(x));
  const twice = add(neg(x), neg(x));
  const again = graph.recomputing(() => add(neg(x), neg(x)));
  graph.output("y", sub(twice, again));
  expect(names(simplify(graph))).toEqual(["Neg", "Add", "Neg", "Add", "Sub"]);
});

test("no-ops vanish and chains of moves shrink to one", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 3]);
  const moved = transpose(transpose(x, [1, 0]), [1, 0]);
  const shaped = reshape(reshape(add(scale(moved, 1), graph.constant(0, "float32")), [6]), [3, 2]);
  graph.output("y", neg(shaped));
  graph.output("z", identity(x));
  const small = simplify(graph);
  expect(names(small)).toEqual(["Reshape", "Neg"]);
  expect(small.outputs.get("z")).toBe(small.inputs.get("x"));
});

test("a zero that broadcasts is not dropped", () => {
  const graph = new Graph();
  graph.output("y", add(graph.input("x", "float32", [1]), graph.constant(0, "float32", [3])));
  expect(names(simplify(graph))).toEqual(["Add"]);
});

test("a transposed operand becomes a flag, and is spelled out where the runtime has no such kernel", () => {
  const graph = new Graph();
  const q = graph.input("q", "float32", [2, 4, 3]);
  const w = graph.input("w", "float32", [5, 3]);
  graph.output("scores", matmul(q, transpose(q, [0, 2, 1])));
  graph.output("linear", matmul(q, transpose(w, [1, 0])));
  expect(names(simplify(graph))).toEqual(["MatMul", "MatMul"]);
  const flags = (small: Graph): unknown[] =>
    small.nodes
      .filter((node) => node.op.name === "MatMul")
      .map((node) => [node.inputs[0]!.shape.length, node.attrs]);
  expect(flags(simplify(graph))).toEqual([
    [3, { transA: 0, transB: 1 }],
    [3, { transA: 0, transB: 1 }],
  ]);
  // Only a product of two matrices may still read an operand transposed.
  const plain = flags(simplify(simplify(graph), { webgpu: true }));
  expect(plain).toEqual([
    [3, { transA: 0, transB: 0 }],
    [2, { transA: 0, transB: 1 }],
  ]);
});

test("after waits for what is computed anyway, and asks for nothing else", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  const needed = neg(x);
  const unneeded = mul(x, x);
  graph.output("y", after(x, needed, unneeded));
  graph.output("needed", needed);
  expect(names(simplify(graph))).toEqual(["Neg", "Slice", "Reshape", "Mul", "Add"]);
});

test("rows of a converted table are picked before they are converted", () => {
  const graph = new Graph();
  const ids = graph.input("ids", "int64", [2]);
  const halves = graph.input("halves", "float16", [9, 4]);
  const codes = graph.input("codes", "int32", [9, 4]);
  const values = graph.input("values", "float32", [100]);
  graph.output("converted", gather(cast(halves, "float32"), ids));
  graph.output("looked up", gather(gather(values, codes), ids));
  const small = simplify(graph);
  expect(small.nodes.map(({ op, output }) => [op.name, output.shape])).toEqual([
    ["Gather", [2, 4]],
    ["Cast", [2, 4]],
    ["Gather", [2, 4]],
    ["Gather", [2, 4]],
  ]);
  // Not where more rows are read than there are.
  const wide = new Graph();
  const many = wide.input("ids", "int64", [10]);
  wide.output("y", gather(cast(wide.input("halves", "float16", [9, 4]), "float32"), many));
  expect(names(simplify(wide))).toEqual(["Cast", "Gather"]);
});
