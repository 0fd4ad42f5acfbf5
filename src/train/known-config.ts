/** What a recipe's base is like, where that can be known before anything runs. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { architectureOf } from "../models/architecture.ts";
import { type Model, readConfig } from "../models/folder.ts";
import { scratchConfig } from "../models/init.ts";
import { baseFolder } from "./base-stage.ts";

/**
 * Family and config of the base; of one from scratch the vocabulary may still turn out smaller. Undefined for one
 * of a hub whose config was not fetched yet. Throws what `readConfig` throws.
 */
export async function knownConfig(
  recipe: Recipe,
  dir: RunDir,
): Promise<Pick<Model, "architecture" | "config"> | undefined> {
  const { base } = recipe;
  if (base.kind === "scratch") {
    const config = scratchConfig(base, base.vocabSize, 0, 0);
    return { config, architecture: architectureOf(config) };
  }
  const folder = baseFolder(recipe, dir);
  const isThere =
    base.kind === "folder" ||
    (await access(join(folder, "config.json")).then(
      () => true,
      () => false,
    ));
  return isThere ? readConfig(folder) : undefined;
}
