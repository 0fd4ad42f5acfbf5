/** Every op: the tests walk this list, so an op without a check cannot slip in. */
import type { Op } from "../op.ts";
import { afterOps } from "./after.ts";
import { elementwiseOps } from "./elementwise.ts";
import { indexingOps } from "./indexing.ts";
import { inferenceOps } from "./inference.ts";
import { layoutOps } from "./layout.ts";
import { matmulOps } from "./matmul.ts";
import { reduceOps } from "./reduce.ts";

export const ops: readonly Op[] = [
  ...elementwiseOps,
  ...matmulOps,
  ...layoutOps,
  ...indexingOps,
  ...reduceOps,
  ...afterOps,
  ...inferenceOps,
];
