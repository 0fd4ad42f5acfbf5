/** The engine's public names. Graphs are built with free functions over tensors and run by `compile`. */
export {
  type DType,
  type Tensor,
  type TensorType,
  type TypedArray,
  byteSizeOf,
  describe,
  sizeOf,
} from "./tensor.ts";
export { fromHalf, fromHalves, toHalf, toHalves } from "./typed-array.ts";
export { Graph } from "./graph.ts";
export { type Attributes, type Op, applyOp, defineOp } from "./op.ts";
export { ops } from "./ops/index.ts";
export {
  abs,
  add,
  cast,
  constantLike,
  div,
  equal,
  exp,
  less,
  log,
  logSigmoid,
  max,
  min,
  mul,
  neg,
  reciprocal,
  scale,
  sigmoid,
  sign,
  sqrt,
  sub,
  tanh,
  where,
} from "./ops/elementwise.ts";
export { matmul } from "./ops/matmul.ts";
export {
  concat,
  expand,
  identity,
  pad,
  reshape,
  slice,
  split,
  stopGradient,
  transpose,
} from "./ops/layout.ts";
export { gather, gatherElements, scatterAdd, scatterElementsAdd, zerosOf } from "./ops/indexing.ts";
export { argmax, logSoftmax, reduceMax, reduceMean, reduceSum, softmax } from "./ops/reduce.ts";
export { fusedRmsNorm, fusedRope, part } from "./ops/inference.ts";
export { after } from "./ops/after.ts";
export { checkpoint, customGradient, grad, pullback, withGradient } from "./grad.ts";
export { rmsNorm } from "./fused/rms-norm.ts";
export { silu, swiglu } from "./fused/activations.ts";
export { rope } from "./fused/rope.ts";
export { crossEntropy } from "./fused/cross-entropy.ts";
export { frozenCrossEntropy } from "./fused/frozen-cross-entropy.ts";
export { type AdamW, adamW } from "./optim.ts";
export { type Muon, muon } from "./muon.ts";
export { simplify } from "./simplify.ts";
export { print } from "./print.ts";
export { type GraphWork, type Product, flopsOf, graphWork } from "./graph-work.ts";
export { type RunMemory, runMemory } from "./run-memory.ts";
export { toModel } from "./onnx/model.ts";
export {
  type CompileOptions,
  type Device,
  type Feed,
  Program,
  Resident,
  compile,
  upload,
} from "./session.ts";
export { type WebGpuProbe, probeWebGpu, requireDevice } from "./probe-webgpu.ts";
export { type Value, value } from "./value.ts";
