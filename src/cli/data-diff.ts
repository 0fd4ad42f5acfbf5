/** `twainbot data diff`: what is different between two datasets, and between the scores of what was trained on them. */
import { diffDatasets } from "../data/versions/diff-datasets.ts";
import { compareReports } from "../evals/compare-reports.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { openDataset, reportOf } from "./dataset-ref.ts";
import { type DiffDocument, diffText } from "./diff-text.ts";
import { recipeSettings } from "./freeze-recipe.ts";
import { painter } from "./terminal.ts";

function settingsThatDiffer(from: unknown, to: unknown): DiffDocument["settings"] {
  const [old, now] = [recipeSettings(from), recipeSettings(to)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => old.get(path) !== now.get(path))
    .map((path) => ({ path, from: old.get(path) ?? null, to: now.get(path) ?? null }));
}

export const command = defineCommand(
  {
    from: {
      type: "positional",
      required: true,
      description: "A run or a version of one: nano, runs/nano, nano@v1.2",
    },
    to: { type: "positional", required: true, description: "Another" },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    const from = await openDataset(args.from, args.runs, signal);
    const to = await openDataset(args.to, args.runs, signal);
    const diff = await diffDatasets(from.dataset, to.dataset, signal);
    const reports = [await reportOf(from, signal), await reportOf(to, signal)];
    const [before, after] = reports;
    const document: DiffDocument = {
      from: { dataset: from.label, hash: from.hash },
      to: { dataset: to.label, hash: to.hash },
      ...diff,
      settings: settingsThatDiffer(from.recipe, to.recipe),
      scores: before && after ? compareReports(before, after) : null,
    };
    process.stdout.write(
      args.json
        ? `${JSON.stringify(document, null, 2)}\n`
        : diffText(document, painter(process.stdout)),
    );
    return 0;
  },
);
