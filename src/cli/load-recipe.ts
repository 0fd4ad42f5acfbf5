/** A recipe from the command line: found by name or path, overridden, checked, and frozen in its run. */
import { readFile, readdir } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TwainError } from "../core/errors.ts";
import { type Recipe, applyOverrides, parseRecipe } from "../core/recipe.ts";
import { nearest } from "../core/recipe-errors.ts";

/** `src/cli` → `recipes` and `dist/src/cli` → `dist/recipes`: the recipes in the form that this process can run. */
const ownFolder = (): string =>
  join(dirname(fileURLToPath(import.meta.url)), "..", "..", "recipes");

const looksLikePath = (text: string): boolean => /[\\/]|\.(json|[cm]?[jt]s)$/.test(text);

/** Names of the recipes that ship with the package. */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(ownFolder()).catch(() => []);
  const extension = extname(import.meta.url);
  return files
    .filter(
      (file) =>
        file.endsWith(extension) && !file.endsWith(`.d${extension}`) && !file.includes(".test."),
    )
    .map((file) => file.slice(0, -extension.length))
    .toSorted();
}

async function findRecipe(text: string): Promise<string> {
  if (looksLikePath(text)) return resolve(text);
  const names = await recipeNames();
  if (names.includes(text)) return join(ownFolder(), `${text}${extname(import.meta.url)}`);
  const guess = nearest(text, names);
  throw new TwainError(
    "recipe/unknown",
    `there is no recipe named ${text}${guess ? ` (did you mean ${guess}?)` : ""}`,
    {
      hint: `Recipes here: ${names.join(", ") || "none"}. A path to a .json, .js or .ts file works too.`,
    },
  );
}

/** True where Node (22.18 and later) or a loader such as tsx runs TypeScript. */
function runsTypeScript(): boolean {
  const features = process.features as { typescript?: unknown };
  return Boolean(features.typescript) || extname(import.meta.url) === ".ts";
}

async function readRecipe(path: string): Promise<unknown> {
  if (!/\.(json|[cm]?[jt]s)$/.test(path))
    throw new TwainError(
      "recipe/unreadable",
      `${path} is no recipe: one ends in .json, .js or .ts`,
    );
  const unreadable = (cause: unknown): TwainError => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const why = missing
      ? "there is no such file"
      : cause instanceof Error
        ? cause.message
        : String(cause);
    return new TwainError("recipe/unreadable", `cannot read the recipe ${path}: ${why}`, { cause });
  };
  let text: string;
  try {
    text = await readFile(path, "utf8");
    if (path.endsWith(".json")) return JSON.parse(text);
  } catch (error) {
    throw unreadable(error);
  }
  if (/\.[cm]?ts$/.test(path) && !runsTypeScript()) {
    throw new TwainError(
      "recipe/needs-typescript",
      `Node ${process.versions.node} cannot run ${path}`,
      {
        hint: "Use Node 22.18 or newer, or write the recipe as .json or .js.",
      },
    );
  }
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    throw unreadable(error);
  }
  if (typeof module.default === "object" && module.default !== null) return module.default;
  throw new TwainError("recipe/unreadable", `${path} has no default export that is a recipe`, {
    hint: 'Write: import { defineRecipe } from "twainbot"; export default defineRecipe({ … }).',
  });
}

/**
 * The recipe that `text` names, with `path=value` overrides. Throws `recipe/unknown`,
 * `recipe/unreadable`, `recipe/needs-typescript`, `recipe/bad-override` and `recipe/invalid`.
 */
export async function loadRecipe(text: string, overrides: readonly string[] = []): Promise<Recipe> {
  const path = await findRecipe(text);
  const recipe = parseRecipe(applyOverrides(await readRecipe(path), overrides), text);
  if (recipe.base.kind !== "folder") return recipe;
  // The run keeps the recipe, and may be served from another folder.
  return { ...recipe, base: { ...recipe.base, path: resolve(recipe.base.path) } };
}
