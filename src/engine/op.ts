/** What an op is: one object that knows its output type, its gradient, and its ONNX spelling. */
import type { Tensor, TensorType } from "./tensor.ts";

/** ONNX tells integers from floats by type, JavaScript does not: a float attribute says so. */
export type Attribute = number | string | readonly number[] | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

/** How a node is written into a model. */
export interface OnnxForm {
  readonly type: string;
  /** Empty for the standard operators. */
  readonly domain?: string;
  readonly attributes?: Attributes;
  /** int64 vectors that ONNX takes as further inputs: shapes, axes, starts, ends. */
  readonly vectors?: readonly (readonly number[])[];
}

export type Gradients = readonly (Tensor | undefined)[];

export interface Op<
  Inputs extends readonly Tensor[] = readonly Tensor[],
  Attrs extends Attributes = Attributes,
> {
  readonly name: string;
  /** The output's type; throws `engine/shape` for operands that do not fit. */
  infer(inputs: Inputs, attrs: Attrs): TensorType;
  /**
   * Gradients for each input as more graph; absent where the op has none. A gradient may keep the
   * output's broadcast shape: summing down to the input's shape is grad.ts's job.
   */
  grad?(dy: Tensor, inputs: Inputs, output: Tensor, attrs: Attrs): Gradients;
  /** The default is an operator of the same name with the same attributes. */
  onnx?(attrs: Attrs, inputs: Inputs): OnnxForm;
}

/** Types an op definition. */
export const defineOp = <Inputs extends readonly Tensor[], Attrs extends Attributes>(
  op: Op<Inputs, Attrs>,
): Op<Inputs, Attrs> => op;

/** Appends a node to the graph of its inputs. Throws `engine/shape` when the operands do not fit. */
export function applyOp<Inputs extends readonly Tensor[], Attrs extends Attributes>(
  op: Op<Inputs, Attrs>,
  inputs: Inputs,
  attrs: Attrs,
): Tensor {
  const first = inputs[0];
  if (!first) throw new Error(`${op.name} needs an input`);
  return first.graph.add(op, inputs, attrs);
}
