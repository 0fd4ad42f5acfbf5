/** Matrix products, batched and broadcast, with either operand transposed for free. */
import { type OnnxForm, type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, broadcastShapes, isFloat, shapeError, sizeOf } from "../tensor.ts";
import { reshape } from "./layout.ts";

type Flags = { transA: number; transB: number };

const matmulOp = defineOp<[a: Tensor, b: Tensor], Flags>({
  name: "MatMul",
  infer: ([a, b], { transA, transB }) => {
    const name =
      transA || transB ? `MatMul${transA ? " transA" : ""}${transB ? " transB" : ""}` : "MatMul";
    if (!isFloat(a.dtype) || a.dtype !== b.dtype)
      throw shapeError(name, "needs two float tensors of one type", [a, b]);
    if (a.shape.length < 2 || b.shape.length < 2)
      throw shapeError(name, "needs rank 2 or more", [a, b]);
    const [rows, inner] = lastTwo(a, transA);
    const [innerB, columns] = lastTwo(b, transB);
    if (inner !== innerB)
      throw shapeError(name, `inner sizes ${inner} and ${innerB} differ`, [a, b]);
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (!batch) throw shapeError(name, "batch shapes do not broadcast", [a, b]);
    return { dtype: a.dtype, shape: [...batch, rows, columns] };
  },
  grad: (dy, [a, b], _y, { transA, transB }) => {
    const da = transA
      ? matmul(b, dy, { transA: transB === 1, transB: true })
      : matmul(dy, b, { transB: transB === 0 });
    // One product over all rows instead of a batch of products and a sum.
    if (b.shape.length === 2 && !transA) {
      const [rows, columns] = [flatRows(a), flatRows(dy)];
      return [
        da,
        transB ? matmul(columns, rows, { transA: true }) : matmul(rows, columns, { transA: true }),
      ];
    }
    const db = transB
      ? matmul(dy, a, { transA: true, transB: transA === 1 })
      : matmul(a, dy, { transA: transA === 0 });
    return [da, db];
  },
  onnx: ({ transA, transB }, [a, b]): OnnxForm => {
    if (!transA && !transB) return { type: "MatMul" };
    if (a.shape.length === 2 && b.shape.length === 2)
      return { type: "Gemm", attributes: { transA, transB } };
    return { type: "FusedMatMul", domain: "com.microsoft", attributes: { transA, transB } };
  },
});

function lastTwo(x: Tensor, transposed: number): [number, number] {
  const [rows, columns] = [x.shape.at(-2)!, x.shape.at(-1)!];
  return transposed ? [columns, rows] : [rows, columns];
}

function flatRows(x: Tensor): Tensor {
  const columns = x.shape.at(-1)!;
  return reshape(x, [sizeOf(x.shape.slice(0, -1)), columns]);
}

/** `a [..., m, k] · b [..., k, n]`; a flag reads that operand's last two axes swapped. */
export const matmul = (
  a: Tensor,
  b: Tensor,
  flags: { transA?: boolean; transB?: boolean } = {},
): Tensor =>
  applyOp(matmulOp, [a, b], { transA: flags.transA ? 1 : 0, transB: flags.transB ? 1 : 0 });

export const matmulOps: readonly Op[] = [matmulOp];
