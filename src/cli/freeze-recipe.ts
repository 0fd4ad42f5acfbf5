/** `recipe.json` of a run: the recipe as it was resolved, for whoever opens the run later. */
import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { canonicalJson, isJsonObject } from "../core/json.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";

/** Every setting by its path, as an override would write it: `train.lora.rank` → `16`. Lists are leaves. */
export function recipeSettings(
  value: unknown,
  path = "",
  into = new Map<string, string>(),
): Map<string, string> {
  if (!isJsonObject(value)) into.set(path, canonicalJson(value));
  else
    for (const [key, member] of Object.entries(value))
      recipeSettings(member, path ? `${path}.${key}` : key, into);
  return into;
}

const clip = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

/** `path: old → new` for every setting that differs. */
export function recipeChanges(before: unknown, after: unknown): string[] {
  const [old, now] = [recipeSettings(before), recipeSettings(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => old.get(path) !== now.get(path))
    .map(
      (path) => `${path}: ${clip(old.get(path) ?? "absent")} → ${clip(now.get(path) ?? "absent")}`,
    );
}

/** At most six lines, the last of which counts the rest. */
export const shortened = (changes: readonly string[]): readonly string[] =>
  changes.length > 6
    ? [...changes.slice(0, 5), `and ${changes.length - 5} more settings changed`]
    : changes;

/** Writes the recipe; returns what changed since the run was last worked on. */
export async function freezeRecipe(recipe: Recipe, dir: RunDir): Promise<string[]> {
  let before: unknown;
  try {
    before = JSON.parse(await readFile(dir.recipe, "utf8"));
  } catch {
    // A new run.
  }
  const changes = before === undefined ? [] : recipeChanges(before, recipe);
  if (before === undefined || changes.length > 0)
    await writeFileAtomic(dir.recipe, `${JSON.stringify(recipe, null, 2)}\n`);
  return changes;
}
