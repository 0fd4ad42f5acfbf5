/** Collects and curates one recipe in a process of its own, for a test that kills it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseRecipe } from "../../core/recipe.ts";
import { runDir } from "../../core/run-dir.ts";
import { runStage } from "../../core/stage.ts";
import { collect } from "../collect.ts";
import { curate } from "../curate.ts";

const [file = "", runs = ""] = process.argv.slice(2);
const recipe = parseRecipe(JSON.parse(await readFile(file, "utf8")), file);
const dir = runDir(join(runs, recipe.name));
const { signal } = new AbortController();
for await (const _ of runStage(collect, recipe, dir, signal));
for await (const _ of runStage(curate, recipe, dir, signal));
