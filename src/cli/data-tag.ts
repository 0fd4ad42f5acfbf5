/** `twainbot data tag`: gives the dataset of a run a version, which keeps it whatever the run does next. */
import { TwainError } from "../core/errors.ts";
import { tagVersion } from "../data/versions/dataset-version.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { currentReport, openDataset } from "./dataset-ref.ts";
import { number } from "./terminal.ts";

export const command = defineCommand(
  {
    run: { type: "positional", required: true, description: "A run under --runs, or its folder" },
    version: { type: "positional", required: true, description: "Such as v1.2" },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    if (args.run.includes("@"))
      throw new TwainError("cli/usage", `${args.run} is a version already`, {
        hint: `Tag a run: twainbot data tag ${args.run.split("@")[0]} ${args.version}.`,
      });
    const { dir, recipe } = await openDataset(args.run, args.runs, signal);
    const report = await currentReport(dir);
    const { record, made } = await tagVersion(dir, args.version, {
      name: recipe.name,
      beside: [dir.recipe, ...(report === undefined ? [] : [report])],
      now: new Date(),
      signal,
    });
    const rows = record.files
      .filter(({ name }) => /^(train|valid|test)\./.test(name))
      .reduce((sum, file) => sum + file.rows, 0);
    process.stdout.write(
      args.json
        ? `${JSON.stringify({ ...record, made }, null, 2)}\n`
        : `${args.run}@${record.version} = ${record.dataset.slice(0, 12)}, ${number(rows)} rows${made ? "" : " (it already was)"}${report === undefined ? "; not evaluated yet" : "; with its scores"}\n`,
    );
    return 0;
  },
);
