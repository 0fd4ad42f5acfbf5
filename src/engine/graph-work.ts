/** What one run of a graph computes and moves, counted from shapes: the ground for an estimate of its time. */
import type { Graph } from "./graph.ts";
import { byteSizeOf, sizeOf } from "./tensor.ts";

/** A matrix product `[batch, rows, inner] · [batch, inner, columns]` and how often the graph has it. */
export interface Product {
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly count: number;
}

export interface GraphWork {
  readonly products: readonly Product[];
  /** Bytes that all other nodes read and write. */
  readonly traffic: number;
  readonly nodes: number;
}

/** A multiplication and an addition for each. */
export const flopsOf = ({ batch, rows, inner, columns }: Product): number =>
  2 * batch * rows * inner * columns;

/** Bytes of these are not touched. */
const FREE: ReadonlySet<string> = new Set(["Reshape", "ReshapeTo"]);

/** Of a graph as it is run, that is simplified. */
export function graphWork(graph: Graph): GraphWork {
  const products = new Map<string, Product>();
  let traffic = 0;
  let nodes = 0;
  for (const { op, inputs, attrs, output } of graph.nodes) {
    if (FREE.has(op.name)) continue;
    nodes++;
    if (op.name !== "MatMul") {
      // A lookup reads no more than it writes, however large its table is.
      const read = inputs.reduce(
        (sum, x) =>
          sum + Math.min(byteSizeOf(x), op.name === "Gather" ? byteSizeOf(output) : Infinity),
        0,
      );
      traffic += read + byteSizeOf(output);
      continue;
    }
    const a = inputs[0]!.shape;
    const b = inputs[1]!.shape;
    const [columns, inner] = [output.shape.at(-1)!, a.at(attrs["transA"] === 1 ? -2 : -1)!];
    // Against one matrix, all rows are a single product.
    const whole = b.length === 2 && attrs["transA"] !== 1;
    const last = whole ? -1 : -2;
    const batch = whole ? 1 : sizeOf(output.shape.slice(0, last));
    const rows = whole ? sizeOf(output.shape.slice(0, last)) : output.shape.at(-2)!;
    const key = [batch, rows, inner, columns].join();
    const known = products.get(key);
    products.set(key, { batch, rows, inner, columns, count: (known?.count ?? 0) + 1 });
  }
  return { products: [...products.values()], traffic, nodes };
}
