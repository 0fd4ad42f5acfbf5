/** `twainbot run`: every stage of a recipe, then what came of it. */
import { defineCommand, jsonArg, recipeArgs } from "./command.ts";
import { loadRecipe } from "./load-recipe.ts";
import { readReport } from "./read-report.ts";
import { here, printNext, printSamples, printScores } from "./report-run.ts";
import { runOf, runStages } from "./run-stages.ts";
import { allStages } from "./stages.ts";

export const command = defineCommand({ ...recipeArgs, ...jsonArg }, async (args, { signal }) => {
  const recipe = await loadRecipe(args.recipe, args._.slice(1));
  const dir = runOf(recipe, args.runs);
  process.stderr.write(`${recipe.name} → ${here(dir.root)}\n`);
  const stages = await runStages(allStages, recipe, {
    runs: args.runs,
    json: Boolean(args.json),
    signal,
  });
  if (args.json) {
    const document = { recipe: recipe.name, run: dir.root, stages, report: await readReport(dir) };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    await printScores(dir, process.stdout);
    await printSamples(dir, process.stdout);
    printNext(recipe, dir, process.stdout);
  }
  return 0;
});
