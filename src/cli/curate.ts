/** `twainbot curate`: turns collected documents into a dataset, or checks the one that is there. */
import { curate } from "../data/curate.ts";
import { verifyDataset } from "../data/verify-dataset.ts";
import { defineCommand, jsonArg, recipeArgs } from "./command.ts";
import { loadRecipe } from "./load-recipe.ts";
import { runOf } from "./run-stages.ts";
import { stageCommand } from "./stage-command.ts";
import { verificationText } from "./verification-text.ts";

const make = stageCommand(curate);

export const command = defineCommand(
  {
    ...recipeArgs,
    verify: {
      type: "boolean",
      description:
        "Make nothing: run the tool calls of the dataset that is there again, and list the rows that fail",
    },
    ...jsonArg,
  },
  async (args, { rawArgs, signal }) => {
    if (!args.verify)
      return make.start(
        rawArgs.filter((text) => text !== "--no-verify"),
        signal,
      );
    const recipe = await loadRecipe(args.recipe, args._.slice(1));
    const found = await verifyDataset(runOf(recipe, args.runs).dataset, signal);
    process.stdout.write(
      args.json ? `${JSON.stringify(found, null, 2)}\n` : verificationText(found),
    );
    return found.failed.length === 0 ? 0 : 1;
  },
);
