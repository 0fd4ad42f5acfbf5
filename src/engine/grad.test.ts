import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { checkGradient, normals, numbersOf } from "./finite-differences.ts";
import { rmsNorm } from "./fused/rms-norm.ts";
import { swiglu } from "./fused/activations.ts";
import { checkpoint, customGradient, grad } from "./grad.ts";
import { Graph } from "./graph.ts";
import { add, exp, mul, neg, scale, sigmoid, sub, tanh } from "./ops/elementwise.ts";
import { gather } from "./ops/indexing.ts";
import { expand, reshape, stopGradient } from "./ops/layout.ts";
import { matmul } from "./ops/matmul.ts";
import { reduceSum, softmax } from "./ops/reduce.ts";
import { print } from "./print.ts";
import { compile } from "./session.ts";
import { simplify } from "./simplify.ts";
import { type Tensor, broadcastShapes } from "./tensor.ts";
import { type Value, value } from "./value.ts";

const random = createRandom(3);

/** Runs a graph whose inputs are the given values and whose outputs are what `build` names. */
async function run(
  values: Record<string, Value>,
  build: (inputs: Record<string, Tensor>, graph: Graph) => Record<string, Tensor>,
): Promise<Record<string, number[]>> {
  const graph = new Graph();
  const inputs = Object.fromEntries(
    Object.entries(values).map(([name, x]) => [name, graph.input(name, x.dtype, x.shape)]),
  );
  for (const [name, x] of Object.entries(build(inputs, graph))) graph.output(name, x);
  const program = await compile(graph, { threads: 1 });
  const results = await program.run(values);
  await program.release();
  return Object.fromEntries(Object.entries(results).map(([name, x]) => [name, [...numbersOf(x)]]));
}

test("uses of one tensor sum", async () => {
  const { dx } = await run({ x: value("float32", [2], [2, -1]) }, ({ x }) => ({
    // d(x² + 3x)/dx, with x used three times
    dx: grad(reduceSum(add(mul(x!, x!), scale(x!, 3))), [x!])[0]!,
  }));
  expect(dx).toEqual([7, 1]);
});

test("what the loss does not depend on gets zeros of its shape", async () => {
  const values = {
    x: value("float32", [2], [2, -1]),
    y: value("float32", [2, 1], [5, 5]),
    ids: value("int64", [1], [0]),
  };
  const { dy, dx } = await run(values, ({ x, y, ids }) => {
    const loss = reduceSum(add(gather(x!, ids!), reduceSum(stopGradient(y!))));
    const [dx, dy] = grad(loss, [x!, y!]);
    return { dx: dx!, dy: dy! };
  });
  expect(dy).toEqual([0, 0]);
  expect(dx).toEqual([1, 0]);
});

test("an intermediate tensor can be asked for together with what it came from", async () => {
  const { dx, dh } = await run({ x: value("float32", [], [3]) }, ({ x }) => {
    const h = mul(x!, x!);
    const [dx, dh] = grad(mul(h, h), [x!, h]);
    return { dx: dx!, dh: dh! };
  });
  expect(dh).toEqual([18]);
  expect(dx).toEqual([108]);
});

test("gradients can be differentiated again", async () => {
  const { second } = await run({ x: value("float32", [], [2]) }, ({ x }) => {
    const [first] = grad(mul(mul(x!, x!), x!), [x!]);
    return { second: grad(first!, [x!])[0]! };
  });
  expect(second).toEqual([12]);
});

test("only a float scalar can be differentiated", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  expect(() => grad(x, [x])).toThrow(/float32\[2\]/);
});

test("the gradient of a small model reads as it would on paper", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [4, 3]);
  const frozen = graph.input("frozen", "float32", [2, 3]);
  const a = graph.input("a", "float32", [1, 3]);
  const b = graph.input("b", "float32", [2, 1]);
  const low = matmul(x, a, { transB: true });
  const y = add(matmul(x, frozen, { transB: true }), matmul(low, b, { transB: true }));
  const [da, db] = grad(reduceSum(mul(y, y)), [a, b]);
  graph.output("da", da!);
  graph.output("db", db!);
  // No gradient of the frozen weight, nor of x, is computed.
  expect(print(simplify(graph))).toMatchInlineSnapshot(`
    "input x: float32[4,3]
    input frozen: float32[2,3]
    input a: float32[1,3]
    input b: float32[2,1]
    %0 = MatMul(x, a) transA=0 transB=1: float32[4,1]
    %1 = MatMul(x, frozen) transA=0 transB=1: float32[4,2]
    %2 = MatMul(%0, b) transA=0 transB=1: float32[4,2]
    %3 = Add(%1, %2): float32[4,2]
    %4 = Reshape(1) shape=[1,1]: float32[1,1]
    %5 = Expand(%4) shape=[4,2]: float32[4,2]
    %6 = Mul(%5, %3): float32[4,2]
    %7 = Add(%6, %6): float32[4,2]
    %8 = MatMul(%7, b) transA=0 transB=0: float32[4,1]
    %9 = MatMul(%7, %0) transA=1 transB=0: float32[2,1]
    %10 = MatMul(%8, x) transA=1 transB=0: float32[1,3]
    output da = %10
    output db = %9
    "
  `);
});

/** Shapes that broadcast: each axis of the result kept, set to 1, or (leading ones) dropped. */
const broadcastable = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }).chain((shape) => {
  const operand = fc
    .tuple(fc.nat({ max: shape.length }), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }))
    .map(([drop, ones]) => shape.map((size, axis) => (ones[axis] ? 1 : size)).slice(drop));
  return fc.tuple(operand, operand);
});

test("broadcasting keeps NumPy's shapes, and its gradients sum back to the operands", async () => {
  await fc.assert(
    fc.asyncProperty(broadcastable, fc.integer(), async ([a, b], seed) => {
      const own = createRandom(seed);
      const check = await checkGradient(
        (x, y) => sub(mul(x, y), x),
        [normals(own, a), normals(own, b)],
        own,
      );
      expect(check.output.shape).toEqual(broadcastShapes(a, b));
      expect(check.gradients.map(({ rule }) => rule.length)).toEqual(
        [a, b].map((s) => s.reduce((p, q) => p * q, 1)),
      );
      expect(check.worst).toBeLessThan(2e-3);
    }),
    { numRuns: 25, seed: 1 },
  );
});

test("shapes that do not broadcast are refused with both named", () => {
  const graph = new Graph();
  const a = graph.input("a", "float32", [2, 3]);
  const b = graph.input("b", "float32", [2, 4]);
  expect(() => add(a, b)).toThrow(/float32\[2,3\].*float32\[2,4\]/);
  expect(() => matmul(a, b)).toThrow(/float32\[2,3\].*float32\[2,4\].*3 and 2/);
});

test("a custom gradient replaces the rule", async () => {
  const { dx, y } = await run({ x: value("float32", [2], [1, 2]) }, ({ x }) => {
    const y = customGradient(
      [x!],
      ([u]) => exp(u!),
      (dy) => [neg(dy)],
    );
    return { dx: grad(reduceSum(y), [x!])[0]!, y };
  });
  expect(dx).toEqual([-1, -1]);
  expect(y![1]).toBeCloseTo(Math.exp(2), 5);
});

describe("checkpoint", () => {
  const values = {
    x: normals(random, [2, 4]),
    w1: normals(random, [4, 6], 0.5),
    w2: normals(random, [4, 6], 0.5),
    w3: normals(random, [6, 4], 0.5),
    norm: normals(random, [4]),
    frozen: normals(random, [4, 4]),
  };
  type Wrap = typeof checkpoint;
  const plain: Wrap = (inputs, fn) => fn(inputs);
  const model = (wrap: Wrap, inner: Wrap) => (t: Record<string, Tensor>) => {
    const trainable = [t["x"]!, t["w1"]!, t["w2"]!, t["w3"]!, t["norm"]!];
    const layer = (x: Tensor): Tensor =>
      wrap([x, ...trainable.slice(1)], ([h, w1, w2, w3, norm]) => {
        const mixed = add(h!, softmax(matmul(h!, t["frozen"]!)));
        return inner([mixed, w1!, w2!, w3!, norm!], ([m, a, b, c, n]) => {
          const normal = rmsNorm(m!, n!, 1e-5);
          return add(m!, matmul(swiglu(matmul(normal, a!), matmul(normal, b!)), c!));
        });
      });
    const y = layer(tanh(layer(layer(t["x"]!))));
    const loss = reduceSum(mul(y, sigmoid(y)));
    const gradients = grad(loss, trainable);
    return { loss, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) };
  };

  test.each([
    ["layers", checkpoint, plain],
    ["blocks inside layers", plain, checkpoint],
    ["layers and blocks inside them", checkpoint, checkpoint],
  ])("recomputing %s changes no gradient", async (_name, outer, inner) => {
    const expected = await run(values, model(plain, plain));
    const actual = await run(values, model(outer, inner));
    for (const [name, numbers] of Object.entries(expected)) {
      numbers.forEach((x, i) => expect(actual[name]![i]).toBeCloseTo(x, 5));
    }
  });

  test("a block may capture its inputs, be given one twice, or one that comes from another", async () => {
    const build = (wrap: Wrap) => (t: Record<string, Tensor>) => {
      const [x, w] = [t["x"]!, t["frozen"]!];
      const twice = scale(w, 2);
      const y = wrap([x, w, twice, w], ([h, a, , c]) =>
        add(matmul(h!, mul(a!, c!)), matmul(tanh(x), mul(twice, w))),
      );
      const [dx, dw] = grad(reduceSum(mul(y, y)), [x, w]);
      return { dx: dx!, dw: dw! };
    };
    const expected = await run(values, build(plain));
    const actual = await run(values, build(checkpoint));
    for (const [name, numbers] of Object.entries(expected)) {
      numbers.forEach((x, i) => expect(actual[name]![i]).toBeCloseTo(x, 4));
    }
  });

  test("recomputes once per block, late, and is not merged away", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [3]);
    const y = checkpoint([x], ([h]) => exp(tanh(h!)));
    graph.output("dx", grad(reduceSum(mul(y, y)), [x])[0]!);
    graph.output("y", y);
    const nodes = simplify(graph).nodes;
    const tanhs = nodes.filter((node) => node.op.name === "Tanh");
    expect(tanhs.map((node) => node.scope)).toEqual([0, 1]);
    // The second one reads x plus zero times an element of the incoming gradient.
    expect(tanhs[1]!.inputs[0]!.origin).toMatchObject({
      kind: "node",
      node: { op: { name: "Add" } },
    });
  });

  test("a block's own gradients come before the earlier block is computed again", () => {
    const graph = new Graph();
    const [x, w1, w2] = ["x", "w1", "w2"].map((name) => graph.input(name, "float32", [2, 2]));
    const block = (h: Tensor, w: Tensor): Tensor =>
      checkpoint([h, w], ([a, b]) => tanh(matmul(a!, b!)));
    const [d1, d2] = grad(reduceSum(block(block(x!, w1!), w2!)), [w1!, w2!]);
    graph.output("d1", d1!);
    graph.output("d2", d2!);
    const small = simplify(graph);
    const needed = new Set<Tensor>();
    const visit = (tensor: Tensor): void => {
      if (needed.has(tensor) || tensor.origin.kind !== "node") return;
      needed.add(tensor);
      tensor.origin.node.inputs.forEach(visit);
    };
    // The earlier block is recomputed last.
    small.nodes
      .filter((node) => node.op.name === "Tanh" && node.scope === 2)
      .forEach((node) => visit(node.output));
    expect(needed).toContain(small.outputs.get("d2"));
  });

  test("something trainable that is used but not listed is an error, something frozen is not", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2, 2]);
    const w = graph.input("w", "float32", [2, 2]);
    const loss = reduceSum(checkpoint([x], ([h]) => matmul(h!, neg(w))));
    expect(() => grad(loss, [x, w])).toThrow(/uses w, whose gradient/);
    expect(grad(loss, [x])).toHaveLength(1);
  });
});

test("a reshaped and expanded tensor gets the sum over its copies", async () => {
  const { dx } = await run({ x: value("float32", [2], [1, 2]) }, ({ x }) => ({
    dx: grad(reduceSum(expand(reshape(x!, [2, 1]), [5, 2, 3])), [x!])[0]!,
  }));
  expect(dx).toEqual([15, 15]);
});
