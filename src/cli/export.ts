/** `twainbot export`: a run's dataset in the formats of other trainers. */
import { join } from "node:path";
import type { Conversation } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import { restrictedRows } from "../core/licence.ts";
import { nearest } from "../core/recipe-errors.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { readManifest } from "../core/stage.ts";
import type { ExportResult } from "../data/exports/export-card.ts";
import { exportDataset } from "../data/exports/export-dataset.ts";
import type { ExportFormat } from "../data/exports/format.ts";
import { exportFormats } from "../data/exports/index.ts";
import { trlTokenized } from "../data/exports/trl-tokenized.ts";
import { type Example, encodeConversation } from "../tokenizer/example.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { openEncoder } from "./dataset-facts.ts";
import { findRun, readRunRecipe } from "./open-run.ts";
import { number } from "./terminal.ts";

/** A format, and what it needs of the run. */
interface NamedFormat {
  name: string;
  open(recipe: Recipe, dir: RunDir): Promise<ExportFormat>;
}

const formats: readonly NamedFormat[] = [
  ...exportFormats.map((format) => ({ name: format.name, open: async () => format })),
  { name: "trl-tokenized", open: openTokenized },
];
const names = formats.map(({ name }) => name);

/** Throws `cli/no-model` while a base that the run trains or fetches is not there. */
async function openTokenized(recipe: Recipe, dir: RunDir): Promise<ExportFormat> {
  const encoder = await openEncoder(recipe, dir);
  if (!encoder)
    throw new TwainError("cli/no-model", `${dir.root} has no base model yet, so no tokenizer`, {
      hint: `Run it first: twainbot run ${recipe.name}. Formats of text need no base.`,
    });
  const encode = (conversation: Conversation): Example =>
    encodeConversation(conversation, encoder.tokenizer, encoder.template);
  return trlTokenized(encode, recipe.train.sequenceLength);
}

function formatNamed(name: string): NamedFormat {
  const format = formats.find((each) => each.name === name);
  if (format) return format;
  const guess = nearest(name, names);
  throw new TwainError("cli/usage", `there is no format ${name}`, {
    hint: guess ? `Did you mean ${guess}?` : `It is one of ${names.join(", ")}.`,
  });
}

function resultText({ format, folder, files, rows, licences, leftOut }: ExportResult): string {
  const lines = [
    `${format}: ${number(rows.train)} train, ${number(rows.valid)} valid, ${number(rows.test)} test rows in ${folder}${files.includes("parquet") ? ", as JSON lines and as Parquet" : ""}`,
    ...Object.entries(leftOut).map(([reason, count]) => `left out: ${number(count)} (${reason})`),
    `What loads them: ${join(folder, "README.md")}`,
  ];
  const restricted = restrictedRows(licences);
  if (restricted > 0)
    lines.push(
      `${number(restricted)} rows have a licence that does not let them be handed on: keep these files to yourself.`,
    );
  return `${lines.join("\n")}\n`;
}

export const command = defineCommand(
  {
    format: { type: "positional", required: true, description: `One of ${names.join(", ")}` },
    run: {
      type: "string",
      valueHint: "DIR",
      description: "The run whose dataset is exported. Default: the one curated last",
    },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    out: {
      type: "string",
      valueHint: "DIR",
      description: "Where a folder named like the format is written. Default: export/ in the run",
    },
    parquet: { type: "boolean", description: "Also write every file as Parquet" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    if (args._.length > 1)
      throw new TwainError("cli/usage", `${args._[1]} is one argument too many`, {
        hint: "One format at a time: twainbot export trl.",
      });
    const named = formatNamed(args.format);
    const dir = await findRun(args.run, args.runs, "curate");
    const recipe = await readRunRecipe(dir);
    if (!(await readManifest(dir, "curate")))
      throw new TwainError("export/no-dataset", `${dir.root} has no dataset yet`, {
        hint: `Make it first: twainbot run ${recipe.name}.`,
      });
    const folder = join(args.out ?? join(dir.root, "export"), named.name);
    const result = await exportDataset(dir, await named.open(recipe, dir), {
      folder,
      recipe: recipe.name,
      parquet: args.parquet ?? false,
      signal,
    });
    process.stdout.write(args.json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result));
    return 0;
  },
);
