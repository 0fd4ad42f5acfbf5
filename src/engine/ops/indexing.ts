/** Ops that select or add by index: embedding rows, picked probabilities. Indices are int64; Gather's may be int32. */
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, axisOf, sameShape, shapeError } from "../tensor.ts";
import { cast } from "./elementwise.ts";
import { expand, reshape, transpose } from "./layout.ts";

const needIndices = (op: string, operands: readonly Tensor[], indices: Tensor): void => {
  if (indices.dtype !== "int64") throw shapeError(op, "indices must be int64", operands);
};

const gatherOp = defineOp<[data: Tensor, indices: Tensor], { axis: number }>({
  name: "Gather",
  infer: ([data, indices], { axis }) => {
    if (indices.dtype !== "int32") needIndices("Gather", [data, indices], indices);
    return { dtype: data.dtype, shape: data.shape.toSpliced(axis, 1, ...indices.shape) };
  },
  grad: (dy, [data, indices], _y, { axis }) => {
    // scatterAdd works on the first axis: bring the gathered axes there and back.
    const rank = data.shape.length;
    const spread = indices.shape.length;
    const others = dy.shape.map((_, i) => i).filter((i) => i < axis || i >= axis + spread);
    const gathered = Array.from({ length: spread }, (_, i) => axis + i);
    const rows = axis === 0 ? dy : transpose(dy, [...gathered, ...others]);
    const zeros = zerosOf(dy, [data.shape[axis]!, ...data.shape.toSpliced(axis, 1)]);
    const sum = scatterAdd(zeros, cast(indices, "int64"), rows);
    const back = Array.from({ length: rank }, (_, i) => (i === axis ? 0 : i < axis ? i + 1 : i));
    return [axis === 0 ? sum : transpose(sum, back), undefined];
  },
});

const scatterAddOp = defineOp<
  [data: Tensor, indices: Tensor, updates: Tensor],
  Record<never, never>
>({
  name: "ScatterAdd",
  infer: ([data, indices, updates]) => {
    needIndices("ScatterAdd", [data, indices, updates], indices);
    if (
      indices.shape.at(-1) !== 1 ||
      data.dtype !== updates.dtype ||
      !sameShape(updates.shape, [...indices.shape.slice(0, -1), ...data.shape.slice(1)])
    ) {
      throw shapeError("ScatterAdd", "updates must be [...indices, ...rest of data]", [
        data,
        indices,
        updates,
      ]);
    }
    return { dtype: data.dtype, shape: data.shape };
  },
  grad: (dy, [, indices]) => [
    dy,
    undefined,
    gather(dy, reshape(indices, indices.shape.slice(0, -1)), 0),
  ],
  onnx: () => ({ type: "ScatterND", attributes: { reduction: "add" } }),
});

const gatherElementsOp = defineOp<[data: Tensor, indices: Tensor], { axis: number }>({
  name: "GatherElements",
  infer: ([data, indices], { axis }) => {
    needIndices("GatherElements", [data, indices], indices);
    needFit("GatherElements", data, indices, axis);
    return { dtype: data.dtype, shape: indices.shape };
  },
  grad: (dy, [data, indices], _y, { axis }) => [
    scatterElementsAdd(zerosOf(dy, data.shape), indices, dy, axis),
    undefined,
  ],
});

const scatterElementsAddOp = defineOp<
  [data: Tensor, indices: Tensor, updates: Tensor],
  { axis: number }
>({
  name: "ScatterElementsAdd",
  infer: ([data, indices, updates], { axis }) => {
    needIndices("ScatterElementsAdd", [data, indices, updates], indices);
    needFit("ScatterElementsAdd", data, indices, axis);
    if (data.dtype !== updates.dtype || !sameShape(indices.shape, updates.shape)) {
      throw shapeError("ScatterElementsAdd", "updates must look like indices", [
        data,
        indices,
        updates,
      ]);
    }
    return { dtype: data.dtype, shape: data.shape };
  },
  grad: (dy, [, indices], _y, { axis }) => [dy, undefined, gatherElements(dy, indices, axis)],
  onnx: ({ axis }) => ({ type: "ScatterElements", attributes: { axis, reduction: "add" } }),
});

function needFit(op: string, data: Tensor, indices: Tensor, axis: number): void {
  const fits =
    data.shape.length === indices.shape.length &&
    indices.shape.every((size, i) => i === axis || size <= data.shape[i]!);
  if (!fits)
    throw shapeError(op, `indices must fit into data except along axis ${axis}`, [data, indices]);
}

/** One element repeated by the runtime, so that a large tensor of zeros is not written into the model. */
export const zerosOf = (like: Tensor, shape: readonly number[]): Tensor =>
  expand(like.graph.constant(0, like.dtype), shape);

/** Rows (along `axis`) of `data` picked by `indices`; the axis is replaced by the shape of `indices`. */
export const gather = (data: Tensor, indices: Tensor, axis = 0): Tensor =>
  applyOp(gatherOp, [data, indices], { axis: axisOf("Gather", axis, data) });

/** `data` with `updates[i...]` added to row `indices[i...]`; repeated indices all count. */
export const scatterAdd = (data: Tensor, indices: Tensor, updates: Tensor): Tensor =>
  applyOp(scatterAddOp, [data, reshape(indices, [...indices.shape, 1]), updates], {});

/** `result[i, j] = data[i, indices[i, j]]` for axis 1, and so on. */
export const gatherElements = (data: Tensor, indices: Tensor, axis: number): Tensor =>
  applyOp(gatherElementsOp, [data, indices], { axis: axisOf("GatherElements", axis, data) });

/** `data[i, indices[i, j]] += updates[i, j]` for axis 1, and so on. */
export const scatterElementsAdd = (
  data: Tensor,
  indices: Tensor,
  updates: Tensor,
  axis: number,
): Tensor =>
  applyOp(scatterElementsAddOp, [data, indices, updates], {
    axis: axisOf("ScatterElementsAdd", axis, data),
  });

export const indexingOps: readonly Op[] = [
  gatherOp,
  scatterAddOp,
  gatherElementsOp,
  scatterElementsAddOp,
];
