import { afterAll, expect, test } from "vitest";
import { TwainError } from "../core/errors.ts";
import { Graph } from "./graph.ts";
import { add, cast, equal, scale } from "./ops/elementwise.ts";
import { gather } from "./ops/indexing.ts";
import { expand, reshape, transpose } from "./ops/layout.ts";
import { matmul } from "./ops/matmul.ts";
import { type Program, compile } from "./session.ts";
import { value } from "./value.ts";

const programs: Program[] = [];
const load = async (...args: Parameters<typeof compile>): Promise<Program> => {
  const program = await compile(...args);
  programs.push(program);
  return program;
};
afterAll(async () => {
  for (const program of programs) await program.release();
});

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) =>
      error instanceof TwainError ? `${error.code}: ${error.message}` : String(error),
  );

test("an output is fed back as it is, under the name of the input it replaces", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  graph.output("x", add(x, x));
  const program = await load(graph);
  let state = value("float32", [2], [1, 3]);
  for (let i = 0; i < 3; i++) state = (await program.run({ x: state }))["x"]!;
  expect([...state.data]).toEqual([8, 24]);
});

test("inputs, constants and one tensor twice can be outputs", async () => {
  const graph = new Graph();
  const x = graph.input("x", "int64", [1]);
  const y = gather(x, graph.constant(0, "int64"));
  graph.output("x", x);
  graph.output("c", graph.constant([true, false].map(Number), "bool"));
  graph.output("y", y);
  graph.output("again", y);
  const results = await (await load(graph)).run({ x: value("int64", [1], [9]) });
  expect(
    Object.fromEntries(
      Object.entries(results).map(([name, { dtype, data }]) => [name, [dtype, ...data]]),
    ),
  ).toEqual({
    x: ["int64", 9n],
    c: ["bool", 1, 0],
    y: ["int64", 9n],
    again: ["int64", 9n],
  });
});

test("fetches limits what is returned", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", []);
  graph.output("a", scale(x, 2));
  graph.output("b", scale(x, 3));
  const program = await load(graph);
  expect(Object.keys(await program.run({ x: value("float32", [], [1]) }, ["b"]))).toEqual(["b"]);
  expect(await codeOf(program.run({ x: value("float32", [], [1]) }, ["z"]))).toMatch(
    /engine\/feeds: there is no output z/,
  );
});

test("initializers are external data: used in place, not written into the model", async () => {
  const graph = new Graph();
  const big = new Float32Array(256 * 256).map((_, i) => (i % 257 === 0 ? 2 : 0));
  // A view into a larger buffer must not hand over its neighbours.
  const bias = new Float32Array([7, 7, 1, 2, 7]).subarray(2, 4);
  const x = graph.input("x", "float32", [1, 256]);
  const y = matmul(x, graph.initializer("w", "float32", [256, 256], big));
  graph.output("y", gather(y, graph.constant([3, 5], "int64"), 1));
  graph.output("b", scale(graph.initializer("b", "float32", [2], bias), 10));
  const program = await load(graph);
  const results = await program.run({
    x: value(
      "float32",
      [1, 256],
      Array.from({ length: 256 }, (_, i) => i),
    ),
  });
  expect([...results["y"]!.data]).toEqual([6, 10]);
  expect([...results["b"]!.data]).toEqual([10, 20]);
});

test("half precision constants and casts", async () => {
  const graph = new Graph();
  const x = graph.constant([1.5, -2], "float16");
  graph.output("y", cast(add(x, graph.constant(0.25, "float16")), "float32"));
  graph.output("same", equal(cast(x, "float32"), graph.constant([1.5, -2], "float32")));
  const results = await (await load(graph)).run({});
  expect([...results["y"]!.data]).toEqual([1.75, -1.75]);
  expect([...results["same"]!.data]).toEqual([1, 1]);
});

test("wrong feeds are named", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  graph.output("y", add(x, graph.input("unused", "float32", [2])));
  const program = await load(graph);
  const two = value("float32", [2], [1, 2]);
  expect(await codeOf(program.run({ x: two }))).toMatch("engine/feeds: no value for unused");
  expect(await codeOf(program.run({ x: two, unused: two, z: two }))).toMatch(
    "engine/feeds: there is no input z",
  );
  const three = value("float32", [3], [1, 2, 3]);
  expect(await codeOf(program.run({ x: three, unused: two }))).toMatch(
    "engine/feeds: x is float32[2], not float32[3]",
  );
});

test("a failure of the runtime names the operator; running out of memory has its own code", async () => {
  const graph = new Graph();
  const ids = graph.input("ids", "int64", [1]);
  graph.output("y", gather(graph.input("table", "float32", [2]), ids));
  const program = await load(graph);
  const run = program.run({ ids: value("int64", [1], [5]), table: value("float32", [2], [1, 2]) });
  expect(await codeOf(run)).toMatch(/^engine\/run: .*Gather/);

  const huge = new Graph();
  const column = huge.input("x", "float32", [2 ** 22, 1]);
  huge.output("y", matmul(column, column, { transB: true }));
  const product = await load(huge);
  const feed = value("float32", [2 ** 22, 1], new Float32Array(2 ** 22));
  expect(await codeOf(product.run({ x: feed }))).toMatch(/^engine\/out-of-memory/);
});

test("a released program refuses to run, and is released once", async () => {
  const graph = new Graph();
  graph.output("y", scale(graph.input("x", "float32", []), 2));
  const program = await compile(graph);
  await program.release();
  await program.release();
  await expect(program.run({ x: value("float32", [], [1]) })).rejects.toThrow(/released/);
});

test("names are unique", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", []);
  expect(() => graph.input("x", "float32", [])).toThrow(/already has/);
  graph.output("y", x);
  expect(() => graph.output("y", x)).toThrow(/already has/);
});

test("one program runs at every value of its free sizes, which must agree between inputs", async () => {
  const graph = new Graph();
  const [rows, tokens] = [graph.freeSize("rows"), graph.freeSize("tokens")];
  const x = graph.input("x", "float32", [rows, tokens, 4]);
  const apart = transpose(reshape(x, [rows, tokens, 2, 2]), [0, 2, 1, 3]);
  const flat = reshape(transpose(apart, [0, 2, 1, 3]), [rows * tokens, 4]);
  graph.output("y", add(flat, graph.input("z", "float32", [4])));
  graph.output("last", gather(flat, graph.input("at", "int64", [rows]), 0));
  const program = await load(graph);
  for (const [r, t] of [
    [1, 1],
    [2, 3],
    [5, 2],
  ] as const) {
    const numbers = Float32Array.from({ length: r * t * 4 }, (_, i) => i);
    const { y, last } = await program.run({
      x: value("float32", [r, t, 4], numbers),
      z: value("float32", [4], [0, 0, 0, 1]),
      at: value(
        "int64",
        [r],
        BigInt64Array.from({ length: r }, () => BigInt(r * t - 1)),
      ),
    });
    expect(y!.shape).toEqual([r * t, 4]);
    expect([...y!.data]).toEqual([...numbers].map((n) => (n % 4 === 3 ? n + 1 : n)));
    expect(last!.shape).toEqual([r, 4]);
    expect(Number(last!.data[0])).toBe((r * t - 1) * 4);
  }
  const wrong = program.run({
    x: value("float32", [2, 1, 4], new Float32Array(8)),
    z: value("float32", [4], new Float32Array(4)),
    at: value("int64", [1], BigInt64Array.from([0n])),
  });
  expect(await codeOf(wrong)).toMatch(/^engine\/feeds: at is/);
});

test("what a constant cannot be, and a reshape not work out, is refused", async () => {
  const graph = new Graph();
  const [a, b] = [graph.freeSize("a"), graph.freeSize("b")];
  const x = graph.input("x", "float32", [a, b]);
  graph.output("y", reshape(reshape(x, [a * b]), [a, b]));
  // Both would have to be worked out from one number.
  graph.output("z", reshape(transpose(x, [1, 0]), [a, b]));
  await expect(compile(graph)).rejects.toThrow(/two sizes that only a run knows/);
  const other = new Graph();
  const size = other.freeSize("a");
  other.output("y", expand(other.input("x", "float32", [1]), [size]));
  await expect(compile(other)).rejects.toThrow(/only a run knows/);
});
