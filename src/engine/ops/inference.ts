/** Operators of the runtime that only generation uses: whole steps of a model at once, without a gradient. */
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, axisOf, sameShape, shapeError } from "../tensor.ts";

const fusedRmsNormOp = defineOp<[x: Tensor, weight: Tensor], { epsilon: { float: number } }>({
  name: "FusedRmsNorm",
  infer: ([x, weight]) => {
    if (weight.shape.length !== 1 || weight.shape[0] !== x.shape.at(-1))
      throw shapeError("FusedRmsNorm", "the weight must be [H] for x [..., H]", [x, weight]);
    return { dtype: x.dtype, shape: x.shape };
  },
  onnx: ({ epsilon }) => ({
    type: "SimplifiedLayerNormalization",
    attributes: { axis: -1, epsilon, stash_type: 1 },
  }),
});

/** `rmsNorm` as one node. */
export const fusedRmsNorm = (x: Tensor, weight: Tensor, epsilon: number): Tensor =>
  applyOp(fusedRmsNormOp, [x, weight], { epsilon: { float: epsilon } });

type RotaryInputs = [x: Tensor, positions: Tensor, cos: Tensor, sin: Tensor];

const fusedRopeOp = defineOp<RotaryInputs, { heads: number }>({
  name: "FusedRope",
  infer: ([x, positions, cos, sin], { heads }) => {
    const operands = [x, positions, cos, sin];
    if (x.shape.length !== 3 || positions.dtype !== "int64")
      throw shapeError("FusedRope", "wants x [batch, tokens, width], int64 positions", operands);
    if (!sameShape(cos.shape, sin.shape) || cos.shape[1]! * 2 * heads !== x.shape[2])
      throw shapeError("FusedRope", "tables must be [positions, headDim / 2]", operands);
    return { dtype: x.dtype, shape: x.shape };
  },
  onnx: ({ heads }, [, , cos]) => ({
    type: "RotaryEmbedding",
    domain: "com.microsoft",
    attributes: { interleaved: 0, num_heads: heads, rotary_embedding_dim: cos.shape[1]! * 2 },
  }),
});

/** `rope` as one node: `x` is `[batch, tokens, heads · headDim]`, `positions` `[batch, tokens]`, the tables `[positions, headDim / 2]`. */
export const fusedRope = (
  x: Tensor,
  heads: number,
  positions: Tensor,
  table: { cos: Tensor; sin: Tensor },
): Tensor => applyOp(fusedRopeOp, [x, positions, table.cos, table.sin], { heads });

type PartInputs = [x: Tensor, start: Tensor, end: Tensor];

const partOp = defineOp<PartInputs, { axis: number; size: number }>({
  name: "Part",
  infer: ([x, start, end], { axis, size }) => {
    for (const at of [start, end])
      if (at.dtype !== "int64" || !sameShape(at.shape, [1]))
        throw shapeError("Part", "start and end are int64 [1]", [x, start, end]);
    return { dtype: x.dtype, shape: x.shape.with(axis, size) };
  },
  onnx: ({ axis }) => ({ type: "Slice", vectors: [[axis]] }),
});

/**
 * `slice` whose bounds only a run knows: int64 `[1]`, an end beyond the axis means its end. `size` is what the bounds leave
 * of the axis, a free size as a rule.
 */
export const part = (x: Tensor, axis: number, start: Tensor, end: Tensor, size: number): Tensor =>
  applyOp(partOp, [x, start, end], { axis: axisOf("Part", axis, x), size });

export const inferenceOps: readonly Op[] = [fusedRmsNormOp, fusedRopeOp, partOp];
