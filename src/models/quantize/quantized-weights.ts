/**
 * A frozen base that the graph is fed packed. Each product unpacks its matrix when it needs it, in the
 * backward pass again: the same operations on the same bytes, so both see the same numbers, and never
 * more than the matrix at work is there as float32.
 */
import {
  type Graph,
  type Tensor,
  after,
  customGradient,
  matmul,
  rmsNorm,
} from "../../engine/index.ts";
import type { Parameter } from "../architecture.ts";
import { type Weights, linear } from "../weights.ts";
import type { Parts, WeightFormat } from "./format.ts";
import { type Quantization, formatFor } from "./index.ts";

interface Packed {
  shape: readonly number[];
  format: WeightFormat;
  parts: Parts<Tensor>;
}

/** Every parameter as packed inputs of the graph, under its checkpoint name and its parts' suffixes. */
export function quantizedWeights(
  graph: Graph,
  parameters: ReadonlyMap<string, Parameter>,
  quantization: Quantization,
): Weights {
  const packed = new Map<string, Packed>();
  for (const [name, parameter] of parameters) {
    const { shape } = parameter;
    const format = formatFor(parameter, quantization);
    const parts = mapParts(format.parts(shape), (type, suffix) =>
      graph.input(name + suffix, type.dtype, type.shape),
    );
    packed.set(name, { shape, format, parts });
  }
  const constants = new Map<string, Tensor>();
  const shared = (name: string, make: () => Tensor): Tensor => {
    const known = constants.get(name) ?? make();
    constants.set(name, known);
    return known;
  };
  /** The weight as float32, not before `cause` is computed: else the runtime may unpack all layers first. */
  const unpacked = (name: string, cause?: Tensor): Tensor => {
    const found = packed.get(name);
    if (!found) throw new Error(`no parameter named ${name}`);
    const { shape, format, parts } = found;
    // What is float32 is small, and of no use before the codes are there.
    const late = cause
      ? mapParts(parts, (part) => (part.dtype === "float32" ? part : after(part, cause)))
      : parts;
    return format.decode(late, shape, shared);
  };
  return {
    tensor: (name) => unpacked(name),
    linear(name, x) {
      const weight = `${name}.weight`;
      return customGradient(
        [x],
        () => linear(x, unpacked(weight, x)),
        (dy) => [matmul(dy, unpacked(weight, dy))],
      );
    },
    norm: (name, x, epsilon) => rmsNorm(x, unpacked(`${name}.weight`), epsilon),
    trainable: () => [],
  };
}

const mapParts = <From, To>(
  parts: Parts<From>,
  make: (part: From, suffix: string) => To,
): Parts<To> =>
  Object.fromEntries(Object.entries(parts).map(([suffix, part]) => [suffix, make(part, suffix)]));
