/** `twainbot export`: a run's dataset in the formats of other trainers. */
import { join } from "node:path";
import { TwainError } from "../core/errors.ts";
import { nearest } from "../core/recipe-errors.ts";
import { readManifest } from "../core/stage.ts";
import { type ExportResult, restrictedRows } from "../data/exports/export-card.ts";
import { exportDataset } from "../data/exports/export-dataset.ts";
import type { ExportFormat } from "../data/exports/format.ts";
import { exportFormats } from "../data/exports/index.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { findRun, readRunRecipe } from "./open-run.ts";
import { number } from "./terminal.ts";

const names = exportFormats.map(({ name }) => name);

function formatNamed(name: string): ExportFormat {
  const format = exportFormats.find((each) => each.name === name);
  if (format) return format;
  const guess = nearest(name, names);
  throw new TwainError("cli/usage", `there is no format ${name}`, {
    hint: guess ? `Did you mean ${guess}?` : `It is one of ${names.join(", ")}.`,
  });
}

function resultText({ format, folder, rows, licences, leftOut }: ExportResult): string {
  const lines = [
    `${format}: ${number(rows.train)} train, ${number(rows.valid)} valid, ${number(rows.test)} test rows in ${folder}`,
    ...Object.entries(leftOut).map(([reason, count]) => `left out: ${number(count)} (${reason})`),
    `What loads them: ${join(folder, "README.md")}`,
  ];
  const restricted = restrictedRows(licences);
  if (restricted > 0)
    lines.push(
      `${number(restricted)} rows are from Reddit and not for redistribution: keep these files to yourself.`,
    );
  return `${lines.join("\n")}\n`;
}

export const command = defineCommand(
  {
    format: { type: "positional", required: true, description: `One of ${names.join(", ")}` },
    run: {
      type: "string",
      valueHint: "DIR",
      description: "The run whose dataset is exported. Default: the one trained last",
    },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    out: {
      type: "string",
      valueHint: "DIR",
      description: "Where a folder named like the format is written. Default: export/ in the run",
    },
    ...jsonArg,
  },
  async (args, { signal }) => {
    if (args._.length > 1)
      throw new TwainError("cli/usage", `${args._[1]} is one argument too many`, {
        hint: "One format at a time: twainbot export trl.",
      });
    const format = formatNamed(args.format);
    const dir = await findRun(args.run, args.runs);
    const recipe = await readRunRecipe(dir);
    if (!(await readManifest(dir, "curate")))
      throw new TwainError("export/no-dataset", `${dir.root} has no dataset yet`, {
        hint: `Make it first: twainbot run ${recipe.name}.`,
      });
    const folder = join(args.out ?? join(dir.root, "export"), format.name);
    const result = await exportDataset(dir, format, { folder, recipe: recipe.name, signal });
    process.stdout.write(args.json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result));
    return 0;
  },
);
