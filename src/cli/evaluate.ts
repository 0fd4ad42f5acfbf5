/** `twainbot evaluate`: base against adapter, and whether the gates hold. */
import { defineCommand, jsonArg, recipeArgs } from "./command.ts";
import { loadRecipe } from "./load-recipe.ts";
import { readReport } from "./read-report.ts";
import { printScores } from "./report-run.ts";
import { runOf, runStages } from "./run-stages.ts";
import { evaluate } from "./stages.ts";

export const command = defineCommand(
  {
    ...recipeArgs,
    ...jsonArg,
    strict: { type: "boolean", description: "Exit with 1 unless every gate is passed" },
  },
  async (args, { signal }) => {
    const recipe = await loadRecipe(args.recipe, args._.slice(1));
    const dir = runOf(recipe, args.runs);
    await runStages([evaluate], recipe, { runs: args.runs, json: Boolean(args.json), signal });
    const report = await readReport(dir);
    if (args.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else await printScores(dir, process.stdout);
    return args.strict && report.gates.some((gate) => !gate.pass) ? 1 : 0;
  },
);
