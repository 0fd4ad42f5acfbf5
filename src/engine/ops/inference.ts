/** Operators of the runtime that only generation uses: whole steps of a model at once, without a gradient. */
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, sameShape, shapeError } from "../tensor.ts";

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

type CacheInputs = [
  query: Tensor,
  key: Tensor,
  value: Tensor,
  keys: Tensor,
  values: Tensor,
  last: Tensor,
  longest: Tensor,
];

const cachedAttentionOp = defineOp<CacheInputs, { scale: { float: number } }>({
  name: "CachedAttention",
  infer: (inputs) => {
    const [query, key, value, keys, values, last, longest] = inputs;
    const problem = (text: string): Error => shapeError("CachedAttention", text, inputs);
    const [batch, tokens, width] = query.shape as [number, number, number];
    const [, heads, , size] = keys.shape as [number, number, number, number];
    const newShape = [batch, tokens, heads * size];
    if (keys.shape.length !== 4 || keys.shape[0] !== batch || !sameShape(keys.shape, values.shape))
      throw problem("the caches must be [batch, kvHeads, capacity, headDim]");
    if (!sameShape(key.shape, newShape) || !sameShape(value.shape, newShape))
      throw problem("keys and values must be [batch, tokens, kvHeads · headDim]");
    if (size % 8 !== 0) throw problem("headDim must be a multiple of 8");
    if (width % (heads * size) !== 0) throw problem("query heads must share key heads evenly");
    if (last.dtype !== "int32" || !sameShape(last.shape, [batch]) || longest.dtype !== "int32")
      throw problem("positions are int32: [batch], and one number");
    return { dtype: query.dtype, shape: query.shape };
  },
  onnx: ({ scale }, [query, , , keys]) => {
    const [, heads, , size] = keys.shape as [number, number, number, number];
    return {
      type: "GroupQueryAttention",
      domain: "com.microsoft",
      attributes: { num_heads: query.shape[2]! / size, kv_num_heads: heads, scale },
      // The caches with the new entries in them. To read them is to copy them, so nobody does.
      unread: 2,
    };
  },
});

/**
 * Causal attention of new tokens to a cache and to each other, scores times `scale`. `query` is `[batch, tokens, heads · headDim]`,
 * `key` and `value` `[batch, tokens, kvHeads · headDim]`; `keys` and `values` `[batch, kvHeads, capacity,
 * headDim]` hold what was there before. `last` `[batch]` is the position of each sequence's last token, `longest` `[1]` the tokens of the longest sequence, new ones included.
 * Either every sequence begins here, or each gets one token, or there is one sequence: the operator
 * (GroupQueryAttention of onnxruntime) refuses other mixtures.
 */
export const cachedAttention = (scale: number, ...inputs: CacheInputs): Tensor =>
  applyOp(cachedAttentionOp, inputs, { scale: { float: scale } });

export const inferenceOps: readonly Op[] = [fusedRmsNormOp, fusedRopeOp, cachedAttentionOp];
