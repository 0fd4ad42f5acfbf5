import { describe, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { checkGradient, normals, numbersOf } from "../finite-differences.ts";
import { grad } from "../grad.ts";
import { Graph } from "../graph.ts";
import { add, cast, div, mul, neg, sigmoid, sqrt } from "../ops/elementwise.ts";
import { gatherElements } from "../ops/indexing.ts";
import { concat, reshape, split } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { logSoftmax, reduceMean, reduceSum } from "../ops/reduce.ts";
import { compile } from "../session.ts";
import { simplify } from "../simplify.ts";
import type { Tensor } from "../tensor.ts";
import { type Value, value } from "../value.ts";
import { silu, swiglu } from "./activations.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { frozenCrossEntropy } from "./frozen-cross-entropy.ts";
import { rmsNorm } from "./rms-norm.ts";
import { rope } from "./rope.ts";

const random = createRandom(11);

/** Both builds of one function: same value, same rule for the gradient, and the rule is right. */
async function agree(
  fused: (...inputs: Tensor[]) => Tensor,
  composed: (...inputs: Tensor[]) => Tensor,
  inputs: Value[],
): Promise<void> {
  const [a, b] = [
    await checkGradient(fused, inputs, createRandom(5)),
    await checkGradient(composed, inputs, createRandom(5)),
  ];
  expect(a.worst).toBeLessThan(2e-3);
  near(numbersOf(a.output), numbersOf(b.output));
  a.gradients.forEach(({ rule }, i) => near(rule, b.gradients[i]!.rule));
}

function near(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 2e-6): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(1, ...Array.from(expected, Math.abs));
  const worst = Math.max(0, ...Array.from(expected, (x, i) => Math.abs(x - actual[i]!)));
  expect(worst / scale).toBeLessThan(tolerance);
}

test("rmsNorm", async () => {
  await agree(
    (x, w) => rmsNorm(x, w, 0.01),
    (x, w) =>
      mul(
        div(x, sqrt(add(reduceMean(mul(x, x), [-1], true), x.graph.constant(0.01, "float32")))),
        w,
      ),
    [normals(random, [2, 3, 4]), normals(random, [4])],
  );
});

test("silu and swiglu", async () => {
  await agree(silu, (x) => mul(x, sigmoid(x)), [normals(random, [5], 2)]);
  await agree(swiglu, (g, u) => mul(mul(g, sigmoid(g)), u), [
    normals(random, [2, 3]),
    normals(random, [2, 3]),
  ]);
});

describe("rope", () => {
  const rotateHalf = (x: Tensor): Tensor => {
    const half = x.shape.at(-1)! / 2;
    const [a, b] = split(x, [half, half], -1);
    return concat([neg(b!), a!], -1);
  };
  test.each([[[3, 4]], [[2, 1, 3, 4]]])("follows Hugging Face with tables %j", async (table) => {
    // Halves of the tables differ here, which the rule must not assume away.
    const [cos, sin] = [normals(random, table), normals(random, table)];
    const tables = (graph: Graph): [Tensor, Tensor] => [
      graph.constant(cos.data, "float32", table),
      graph.constant(sin.data, "float32", table),
    ];
    await agree(
      (x) => rope(x, ...tables(x.graph)),
      (x) => {
        const [c, s] = tables(x.graph);
        return add(mul(x, c), mul(rotateHalf(x), s));
      },
      [normals(random, [2, 2, 3, 4])],
    );
  });
});

describe("crossEntropy", () => {
  const [N, H, V] = [7, 4, 6];
  const inputs: Record<string, Value> = {
    hidden: normals(random, [N, H]),
    weight: normals(random, [V, H]),
    rowWeights: value("float32", [N], [1, 0.5, 0, 2, 1, 0, 0.25]),
    // A repeated target checks that its rows of the weight's gradient add up.
    targets: value("int64", [N], [0, 5, 3, 3, 1, 2, 3]),
    seed: normals(random, [N]),
  };
  type Loss = (h: Tensor, w: Tensor, t: Tensor, r: Tensor) => { loss: Tensor; logProbs: Tensor };
  const composed: Loss = (h, w, t, r) => {
    const logs = logSoftmax(matmul(h, w, { transB: true }));
    const logProbs = reshape(gatherElements(logs, reshape(t, [N, 1]), 1), [N]);
    return { loss: neg(reduceSum(mul(logProbs, r))), logProbs };
  };

  async function evaluate(build: Loss): Promise<Record<string, Float32Array>> {
    const graph = new Graph();
    const t = Object.fromEntries(
      Object.entries(inputs).map(([name, x]) => [name, graph.input(name, x.dtype, x.shape)]),
    );
    const { loss, logProbs } = build(t["hidden"]!, t["weight"]!, t["targets"]!, t["rowWeights"]!);
    const wrt = [t["hidden"]!, t["weight"]!, t["rowWeights"]!];
    const outputs: Record<string, Tensor> = { loss, logProbs };
    // A factor on the loss must reach every gradient.
    grad(mul(loss, graph.constant(3, "float32")), wrt).forEach(
      (g, i) => (outputs[`loss/${i}`] = g),
    );
    grad(reduceSum(mul(logProbs, t["seed"]!)), wrt.slice(0, 2)).forEach(
      (g, i) => (outputs[`logProbs/${i}`] = g),
    );
    for (const [name, x] of Object.entries(outputs)) graph.output(name, x);
    const program = await compile(graph, { threads: 1 });
    const results = await program.run(inputs);
    await program.release();
    return Object.fromEntries(Object.entries(results).map(([name, x]) => [name, numbersOf(x)]));
  }

  test.each([1, 3, 7, 100])("in chunks of %i rows equals logSoftmax and a pick", async (chunk) => {
    const expected = await evaluate(composed);
    const actual = await evaluate((h, w, t, r) => crossEntropy(h, w, t, r, { chunk }));
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [name, numbers] of Object.entries(expected)) near(actual[name]!, numbers);
  });

  test.each([7, 14, 28, 1000])("over a frozen weight, %i logits at a time", async (logits) => {
    const expected = await evaluate(composed);
    const actual = await evaluate((h, w, t, r) => frozenCrossEntropy(h, w, t, r, { logits }));
    for (const name of ["loss", "logProbs", "loss/0", "loss/2", "logProbs/0"])
      near(actual[name]!, expected[name]!);
    // Frozen: nothing reaches the weight.
    expect(actual["loss/1"]!.every((x) => x === 0)).toBe(true);
  });

  test("a frozen weight of 16 bits is converted piece by piece", () => {
    const graph = new Graph();
    const hidden = graph.input("hidden", "float32", [N, H]);
    const table = graph.input("table", "float16", [16, H]);
    const { loss } = frozenCrossEntropy(
      hidden,
      cast(table, "float32"),
      graph.input("targets", "int64", [N]),
      graph.input("rowWeights", "float32", [N]),
      { logits: 5 * N },
    );
    graph.output("dHidden", grad(loss, [hidden])[0]!);
    const casts = simplify(graph).nodes.filter(
      (node) => node.op.name === "Cast" && node.inputs[0]!.dtype === "float16",
    );
    expect(casts.map((node) => node.output.shape[0])).toEqual([5, 5, 5, 1, N]);
  });

  test.each([crossEntropy, frozenCrossEntropy])(
    "%o stays finite where the target's probability underflows",
    async (entropy) => {
      const graph = new Graph();
      const hidden = graph.constant([200, 0], "float32", [1, 2]);
      const weight = graph.constant([1, 0, -1, 0], "float32", [2, 2]);
      const { loss } = entropy(
        hidden,
        weight,
        graph.constant([1], "int64"),
        graph.constant([1], "float32"),
      );
      graph.output("loss", loss);
      graph.output("dHidden", grad(loss, [hidden])[0]!);
      const program = await compile(graph);
      const { loss: value, dHidden } = await program.run({});
      await program.release();
      expect([...numbersOf(value!)]).toEqual([400]);
      expect([...numbersOf(dHidden!)]).toEqual([2, 0]);
    },
  );

  test("a forward-only graph computes no gradient, a frozen weight gets none", () => {
    const products = (frozen: boolean): number => {
      const graph = new Graph();
      const t = Object.fromEntries(
        Object.entries(inputs).map(([name, x]) => [name, graph.input(name, x.dtype, x.shape)]),
      );
      const { loss } = crossEntropy(t["hidden"]!, t["weight"]!, t["targets"]!, t["rowWeights"]!, {
        chunk: 4,
      });
      graph.output("loss", loss);
      if (frozen) graph.output("dHidden", grad(loss, [t["hidden"]!])[0]!);
      return simplify(graph).nodes.filter((node) => node.op.name === "MatMul").length;
    };
    expect(products(false)).toBe(2);
    expect(products(true)).toBe(4);
  });

  test("a chunk's logits wait until the chunk before is done with its own", () => {
    const graph = new Graph();
    const t = Object.fromEntries(
      Object.entries(inputs).map(([name, x]) => [name, graph.input(name, x.dtype, x.shape)]),
    );
    const { loss } = crossEntropy(t["hidden"]!, t["weight"]!, t["targets"]!, t["rowWeights"]!, {
      chunk: 4,
    });
    grad(loss, [t["hidden"]!, t["weight"]!]).forEach((g, i) => graph.output(`d${i}`, g));
    // Each chunk makes logits, then two products that read its probabilities.
    const products = simplify(graph).nodes.filter((node) => node.op.name === "MatMul");
    const [, dHidden, dWeight, logits] = products.map((node) => node.output);
    const reaches = (from: Tensor, to: Tensor): boolean =>
      from === to ||
      (from.origin.kind === "node" && from.origin.node.inputs.some((x) => reaches(x, to)));
    expect([reaches(logits!, dHidden!), reaches(logits!, dWeight!)]).toEqual([true, true]);
  });
});
