import { expect, test } from "vitest";
import { restoreUnseen } from "./unseen-embeddings.ts";

test("only tokens that no row holds go back to their first values", () => {
  const example = (ids: number[]) => ({
    id: "x",
    ids: Int32Array.from(ids),
    trained: new Uint8Array(ids.length),
  });
  const first = Float32Array.from({ length: 12 }, (_, i) => i);
  const embedding = first.map((x) => x + 100);
  // Token 0 is read but never trained, tokens 3 and 5 stand in no row.
  restoreUnseen(embedding, first, [[example([0, 1]), example([2])], [example([4, 1])]], 2);
  expect([...embedding]).toEqual([100, 101, 102, 103, 104, 105, 6, 7, 108, 109, 10, 11]);
});
