import { expect, it } from "vitest";
import { Graph, add, flopsOf, graphWork, matmul } from "./index.ts";

it("counts products by shape, and the bytes of the rest", () => {
  const graph = new Graph();
  const a = graph.input("a", "float32", [2, 8, 16]);
  const w = graph.input("w", "float32", [4, 16]);
  const y = matmul(a, w, { transB: true }); // [2, 8, 4]: 16 rows against one matrix
  const z = matmul(y, y, { transB: true }); // [2, 8, 8]: two products
  graph.output("z", add(z, matmul(y, y, { transB: true })));
  const { products, traffic } = graphWork(graph);
  expect(products).toEqual([
    { batch: 1, rows: 16, inner: 16, columns: 4, count: 1 },
    { batch: 2, rows: 8, inner: 4, columns: 8, count: 2 },
  ]);
  expect(products.map(flopsOf)).toEqual([2 * 16 * 16 * 4, 2 * 2 * 8 * 4 * 8]);
  expect(traffic).toBe(3 * 4 * 2 * 8 * 8);
});
