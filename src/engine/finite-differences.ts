/** Gradients by brute force, to hold the rules of differentiation against. For tests of ops and models. */
import type { Random } from "../core/random.ts";
import { Graph } from "./graph.ts";
import { pullback } from "./grad.ts";
import { compile } from "./session.ts";
import { type Tensor, isFloat, sizeOf } from "./tensor.ts";
import { type Value, value } from "./value.ts";

export interface GradientCheck {
  /** The function's value at the inputs. */
  output: Value;
  /** For each float input, in order: the rule's gradient and the measured one. */
  gradients: { rule: Float32Array; measured: Float64Array }[];
  /** Largest difference between the two, relative to the largest measured component (at least 1). */
  worst: number;
}

/** Random normal numbers as a float32 value. */
export const normals = (random: Random, shape: readonly number[], spread = 1): Value =>
  value(
    "float32",
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => spread * random.normal()),
  );

/**
 * Compares `pullback` of a random cotangent with central differences of step `step`. The cotangent is
 * applied in double precision outside of the graph, so float32 costs about 1e-7 / step.
 */
export async function checkGradient(
  build: (...inputs: Tensor[]) => Tensor,
  values: readonly Value[],
  random: Random,
  step = 1e-2,
): Promise<GradientCheck> {
  const graph = new Graph();
  const inputs = values.map(({ dtype, shape }, i) => graph.input(`x${i}`, dtype, shape));
  const output = build(...inputs);
  const floats = inputs.filter((x) => isFloat(x.dtype));
  const cotangent = normals(random, output.shape);
  const dy = graph.input("dy", "float32", output.shape);
  graph.output("y", output);
  pullback([output], [dy], floats).forEach((gradient, i) => graph.output(`d${i}`, gradient));

  const program = await compile(graph, { threads: 1 });
  try {
    const feeds = { dy: cotangent, ...Object.fromEntries(values.map((x, i) => [`x${i}`, x])) };
    const results = await program.run(feeds);
    const project = async (name: string, x: Value): Promise<number> => {
      const { y } = await program.run({ ...feeds, [name]: x }, ["y"]);
      return dot(numbersOf(y!), numbersOf(cotangent));
    };
    const gradients: GradientCheck["gradients"] = [];
    for (const [k, input] of floats.entries()) {
      const at = inputs.indexOf(input);
      const base = numbersOf(values[at]!);
      const measured = new Float64Array(base.length);
      for (let i = 0; i < base.length; i++) {
        const up = base.with(i, base[i]! + step);
        const down = base.with(i, base[i]! - step);
        const difference =
          (await project(`x${at}`, value("float32", input.shape, up))) -
          (await project(`x${at}`, value("float32", input.shape, down)));
        measured[i] = difference / (up[i]! - down[i]!);
      }
      gradients.push({ rule: numbersOf(results[`d${k}`]!), measured });
    }
    return { output: results["y"]!, gradients, worst: Math.max(0, ...gradients.map(distance)) };
  } finally {
    await program.release();
  }
}

/** The numbers of a float32 value. */
export function numbersOf(x: Value): Float32Array {
  if (x.data instanceof Float32Array) return x.data;
  throw new Error(`wants a float32 value, not ${x.dtype}`);
}

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, x, i) => sum + x * b[i]!, 0);

function distance({ rule, measured }: { rule: Float32Array; measured: Float64Array }): number {
  const size = Math.max(1, ...measured.map(Math.abs));
  return Math.max(0, ...measured.map((x, i) => Math.abs(x - rule[i]!))) / size;
}
