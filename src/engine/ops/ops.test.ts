/** Laws that every registered op must keep. An op without a case here fails the suite. */
import { describe, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { checkGradient } from "../finite-differences.ts";
import { Graph } from "../graph.ts";
import { compile } from "../session.ts";
import { isFloat } from "../tensor.ts";
import { value } from "../value.ts";
import { ops } from "./index.ts";
import { inferenceOps } from "./inference.ts";
import { reduceMax } from "./reduce.ts";
import { opCases } from "./test-cases.ts";

const random = createRandom(8);

test("every registered op has a case, and every case an op", () => {
  expect(Object.keys(opCases).toSorted()).toEqual(ops.map((op) => op.name).toSorted());
});

/** Ops whose outputs are steps or indices, and those without a gradient. */
const flat = new Set(["Sign", "Equal", "Less", "ArgMax", "StopGradient", "FirstSize"]);
for (const op of inferenceOps) flat.add(op.name);

describe.each(ops.map((op) => ({ op, name: op.name })))("$name", ({ op, name }) => {
  test("the runtime returns the inferred type", async () => {
    for (const { build, inputs } of opCases[name]!) {
      const graph = new Graph();
      const y = build(...inputs.map((x, k) => graph.input(`x${k}`, x.dtype, x.shape)));
      graph.output("y", y);
      expect(graph.nodes.map((node) => node.op.name)).toContain(name);
      const program = await compile(graph, { threads: 1 });
      // The program itself refuses a result whose type is not the inferred one.
      const results = await program.run(Object.fromEntries(inputs.map((x, k) => [`x${k}`, x])));
      expect(results["y"]!.shape).toEqual(y.shape);
      await program.release();
    }
  });

  test.skipIf(flat.has(name))("the gradient is the limit of differences", async () => {
    expect(op.grad).toBeDefined();
    for (const { build, inputs, step } of opCases[name]!) {
      const probe = new Graph();
      const y = build(...inputs.map((x, k) => probe.input(`x${k}`, x.dtype, x.shape)));
      if (!isFloat(y.dtype)) continue;
      const { worst, gradients } = await checkGradient(build, inputs, random, step);
      expect(gradients.length).toBeGreaterThan(0);
      expect(worst).toBeLessThan(2e-3);
    }
  });
});

test("a tie of maxima shares the gradient", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [4]);
  const [dx] = (await import("../grad.ts")).grad(reduceMax(x), [x]);
  graph.output("dx", dx!);
  const program = await compile(graph);
  const results = await program.run({ x: value("float32", [4], [1, 3, 3, 2]) });
  expect([...results["dx"]!.data]).toEqual([0, 0.5, 0.5, 0]);
  await program.release();
});
