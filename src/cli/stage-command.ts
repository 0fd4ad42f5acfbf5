/** The commands that run some stages of a recipe and nothing else. */
import type { Stage } from "../core/stage.ts";
import { type Command, defineCommand, jsonArg, recipeArgs } from "./command.ts";
import { loadRecipe } from "./load-recipe.ts";
import { runOf, runStages } from "./run-stages.ts";

export const stageCommand = (...stages: Stage[]): Command =>
  defineCommand({ ...recipeArgs, ...jsonArg }, async (args, { signal }) => {
    const recipe = await loadRecipe(args.recipe, args._.slice(1));
    const outcomes = await runStages(stages, recipe, {
      runs: args.runs,
      json: Boolean(args.json),
      signal,
    });
    if (args.json)
      process.stdout.write(
        `${JSON.stringify({ recipe: recipe.name, run: runOf(recipe, args.runs).root, stages: outcomes }, null, 2)}\n`,
      );
    return 0;
  });
