/** `twainbot curate`: turns collected documents into a dataset, or checks the one that is there. */
import { curate } from "../data/curate.ts";
import { type DatasetVerification, verifyDataset } from "../data/verify-dataset.ts";
import { defineCommand, jsonArg, recipeArgs } from "./command.ts";
import { loadRecipe } from "./load-recipe.ts";
import { runOf } from "./run-stages.ts";
import { stageCommand } from "./stage-command.ts";
import { number } from "./terminal.ts";

/** More rows than these are only counted. */
const SHOWN = 50;

const countsText = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(", ");

function verificationText(found: DatasetVerification): string {
  const { rows, episodes, calls, written, failed } = found;
  const reasons: Record<string, number> = {};
  for (const { reason } of failed) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const lines = [
    `${number(rows)} rows; ${number(episodes)} episodes with ${number(calls)} calls run again`,
    ...(written > 0
      ? [`${number(written)} more with calls were written by a model and are not run again`]
      : []),
    `episodes by domain: ${countsText(found.domain)}`,
    failed.length === 0
      ? "every one holds"
      : `${number(failed.length)} do not hold: ${countsText(reasons)}`,
    ...failed
      .slice(0, SHOWN)
      .map(
        ({ row, side, reason, template }) =>
          `  ${row}  ${reason}${side ? `  (${side}${template ? `, ${template}` : ""})` : ""}`,
      ),
  ];
  if (failed.length > SHOWN)
    lines.push(`  and ${number(failed.length - SHOWN)} more; --json has all`);
  return `${lines.join("\n")}\n`;
}

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
    const found = await verifyDataset(runOf(recipe, args.runs), signal);
    process.stdout.write(
      args.json ? `${JSON.stringify(found, null, 2)}\n` : verificationText(found),
    );
    return found.failed.length === 0 ? 0 : 1;
  },
);
