/** `twainbot bench train`: how fast this machine trains, next to what one dense product reaches in the same process. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { TwainError } from "../core/errors.ts";
import { versions } from "../core/versions.ts";
import { benchTrain, defaultBenchShape } from "../train/bench.ts";
import { defineCommand, jsonArg } from "./command.ts";

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new TwainError("cli/usage", `--${name} is ${text}`, {
    hint: "It is a whole number above 0.",
  });
}

export const command = defineCommand(
  {
    what: { type: "positional", required: true, description: "What to measure: train" },
    layers: {
      type: "string",
      default: String(defaultBenchShape.layers),
      valueHint: "N",
      description: "Layers of the model; rates hardly depend on it",
    },
    rows: {
      type: "string",
      default: String(defaultBenchShape.rows),
      valueHint: "N",
      description: "Sequences in a batch",
    },
    recompute: { type: "boolean", description: "Recompute layers in the backward pass" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    if (args.what !== "train")
      throw new TwainError("cli/usage", `there is no bench ${args.what}`, {
        hint: "There is: twainbot bench train.",
      });
    const shape = {
      ...defaultBenchShape,
      layers: positive("layers", args.layers),
      rows: positive("rows", args.rows),
      recompute: Boolean(args.recompute),
    };
    const figures = await benchTrain(shape, signal, (line) => process.stderr.write(`${line}\n`));
    const machine = {
      processor: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memory: totalmem(),
      ...versions(),
    };
    if (args.json)
      process.stdout.write(`${JSON.stringify({ bench: args.what, figures, machine }, null, 2)}\n`);
    else {
      for (const { name, value, unit, ratio } of figures) {
        const share = ratio === undefined ? "" : `   ${ratio.toFixed(2)} of the peak`;
        process.stdout.write(
          `${name.padEnd(20)}${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit}${share}\n`,
        );
      }
      process.stdout.write(
        `${machine.cores} cores, ${machine.processor}, onnxruntime ${machine.onnxruntime}\n`,
      );
    }
    return 0;
  },
);
