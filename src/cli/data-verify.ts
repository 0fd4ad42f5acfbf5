/** `twainbot data verify`: runs the tool calls of a dataset again, as when it was made. */
import { verifyDataset } from "../data/verify-dataset.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { openDataset } from "./dataset-ref.ts";
import { verificationText } from "./verification-text.ts";

export const command = defineCommand(
  {
    dataset: {
      type: "positional",
      required: true,
      description: "A run or a version of one: nano, runs/nano, nano@v1.2",
    },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    const { label, dataset, hash } = await openDataset(args.dataset, args.runs, signal);
    const found = await verifyDataset(dataset, signal);
    process.stdout.write(
      args.json
        ? `${JSON.stringify({ dataset: label, hash, ...found }, null, 2)}\n`
        : `${label} (${hash.slice(0, 12)})\n${verificationText(found)}`,
    );
    return found.failed.length === 0 ? 0 : 1;
  },
);
