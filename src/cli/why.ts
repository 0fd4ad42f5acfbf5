/** `twainbot why`: the life of one record or row of a run. */
import { why } from "../data/why.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { findRun } from "./open-run.ts";
import { storyText } from "./story-text.ts";
import { painter, widthOf } from "./terminal.ts";

export const command = defineCommand(
  {
    id: {
      type: "positional",
      required: true,
      description:
        "Of a record or a dataset row, or how it begins: gutenberg:76, gutenberg:76#4, episode-000123",
    },
    run: {
      type: "string",
      valueHint: "DIR",
      description: "A run folder. Default: the one curated last",
    },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    const dir = await findRun(args.run, args.runs, "curate");
    const story = await why(dir, args.id, signal);
    process.stdout.write(
      args.json
        ? `${JSON.stringify({ run: dir.root, ...story }, null, 2)}\n`
        : storyText(story, dir.root, widthOf(process.stdout), painter(process.stdout)),
    );
    return 0;
  },
);
