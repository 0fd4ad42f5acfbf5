/** Which of a run's adapters is the one to use: that of the last stage that trained it. */
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { readManifest } from "../core/stage.ts";

/** Where a finished run has its adapter. */
export const adapterFolder = (recipe: Recipe, dir: RunDir): string =>
  recipe.preference ? dir.preference.adapter : dir.train.adapter;

/** The adapter of the last finished stage; undefined until `train` is done. */
export async function finalAdapter(recipe: Recipe, dir: RunDir): Promise<string | undefined> {
  if (recipe.preference && (await readManifest(dir, "preference"))) return dir.preference.adapter;
  return (await readManifest(dir, "train")) ? dir.train.adapter : undefined;
}
