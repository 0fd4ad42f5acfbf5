import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { normals, numbersOf } from "./finite-differences.ts";
import { Graph } from "./graph.ts";
import { adamW } from "./optim.ts";
import { compile } from "./session.ts";
import { value } from "./value.ts";

/** torch.optim.AdamW, single tensor, in double precision. */
function reference(
  parameter: number[],
  gradients: number[][],
  rates: number[],
  {
    weightDecay,
    beta1,
    beta2,
    epsilon,
    scale,
  }: Record<"weightDecay" | "beta1" | "beta2" | "epsilon" | "scale", number>,
): number[] {
  const [p, m, v] = [[...parameter], parameter.map(() => 0), parameter.map(() => 0)];
  gradients.forEach((gradient, step) => {
    const rate = rates[step]!;
    const stepSize = rate / (1 - beta1 ** (step + 1));
    const root = Math.sqrt(1 - beta2 ** (step + 1));
    gradient.forEach((raw, i) => {
      const g = raw * scale;
      p[i] = p[i]! * (1 - rate * weightDecay);
      m[i] = m[i]! + (g - m[i]!) * (1 - beta1);
      v[i] = v[i]! * beta2 + g * g * (1 - beta2);
      p[i] = p[i]! - (stepSize * m[i]!) / (Math.sqrt(v[i]!) / root + epsilon);
    });
  });
  return p;
}

test.each([0, 0.1])(
  "ten steps of AdamW with weight decay %d are PyTorch's",
  async (weightDecay) => {
    const random = createRandom(4);
    const settings = { weightDecay, beta1: 0.9, beta2: 0.95, epsilon: 1e-6 };
    const graph = new Graph();
    const scalar = (name: string) => graph.input(name, "float32", []);
    const next = adamW(graph, {
      ...settings,
      parameter: graph.input("parameter", "float32", [2, 3]),
      gradient: graph.input("gradient", "float32", [2, 3]),
      m: graph.input("m", "float32", [2, 3]),
      v: graph.input("v", "float32", [2, 3]),
      learningRate: scalar("rate"),
      correction1: scalar("c1"),
      correction2: scalar("c2"),
      scale: scalar("scale"),
    });
    // An output may have the name of the input that it replaces.
    for (const [name, x] of Object.entries(next)) graph.output(name, x);
    const program = await compile(graph);

    const start = normals(random, [2, 3]);
    const gradients = Array.from({ length: 10 }, () => normals(random, [2, 3]));
    const rates = gradients.map((_, i) => 0.05 / (1 + i));
    const number = (x: number) => value("float32", [], [x]);
    let state = {
      parameter: start,
      m: value("float32", [2, 3], [0, 0, 0, 0, 0, 0]),
      v: value("float32", [2, 3], [0, 0, 0, 0, 0, 0]),
    };
    for (const [i, gradient] of gradients.entries()) {
      const results = await program.run({
        ...state,
        gradient,
        rate: number(rates[i]!),
        scale: number(0.5),
        c1: number(1 - settings.beta1 ** (i + 1)),
        c2: number(1 - settings.beta2 ** (i + 1)),
      });
      state = { parameter: results["parameter"]!, m: results["m"]!, v: results["v"]! };
    }
    await program.release();
    const expected = reference(
      [...numbersOf(start)],
      gradients.map((g) => [...numbersOf(g)]),
      rates,
      { ...settings, scale: 0.5 },
    );
    numbersOf(state.parameter).forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 5));
  },
);
