/** Whether evaluation folds an adapter into its base, or decodes both from one copy of the base. */
import { sizeOf } from "../engine/index.ts";
import type { Model } from "../models/folder.ts";

/**
 * A base of more parameters is held once, with the adapter beside it. Below, two whole models are little memory, and
 * folding saves the many small products: evaluating `nano` took 54 and 58 s of processor time merged, 59 and 61 beside,
 * with the same 1,240 answers.
 */
const MERGED_UP_TO = 25e6;

export function mergesAdapter({
  architecture,
  config,
}: Pick<Model, "architecture" | "config">): boolean {
  let parameters = 0;
  for (const { shape } of architecture.parameters(config).values()) parameters += sizeOf(shape);
  return parameters <= MERGED_UP_TO;
}
