/** `twainbot bench`: how fast this machine trains, decodes and curates; the first two next to what it can do at most, measured in the same process. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { TwainError } from "../core/errors.ts";
import { QUANTIZATIONS } from "../core/recipe.ts";
import { versions } from "../core/versions.ts";
import { benchData } from "../data/bench.ts";
import { requireDevice } from "../engine/index.ts";
import type { Recompute } from "../models/architecture.ts";
import { benchDecode } from "../generate/bench.ts";
import { benchShapes, benchTrain } from "../train/bench.ts";
import { defineCommand, jsonArg } from "./command.ts";

/** SmolLM2-135M's: while training is measured on a few, how many weights a token reads depends on all. */
const DECODE_LAYERS = 30;

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new TwainError("cli/usage", `--${name} is ${text}`, {
    hint: "It is a whole number above 0.",
  });
}

function recomputeArg(text: string): Recompute {
  if (text === "layers") return true;
  if (text === "selective") return text;
  throw new TwainError("cli/usage", `--recompute is ${text}`, {
    hint: "It is layers or selective.",
  });
}

export const command = defineCommand(
  {
    what: {
      type: "positional",
      required: true,
      description: "What to measure: train, decode or data",
    },
    shape: {
      type: "string",
      default: "smollm2-135m",
      description: `Widths of the model: ${Object.keys(benchShapes).join(" or ")}`,
    },
    layers: {
      type: "string",
      valueHint: "N",
      description: "Layers of the model; rates hardly depend on it",
    },
    rows: { type: "string", valueHint: "N", description: "Sequences in a batch" },
    length: { type: "string", valueHint: "N", description: "Tokens of a sequence" },
    steps: {
      type: "string",
      valueHint: "N",
      description: "Optimizer steps, or rounds of decoding, that are timed",
    },
    documents: {
      type: "string",
      valueHint: "N",
      description: "data: how many are curated (default 100000)",
    },
    batch: { type: "string", valueHint: "N", description: "decode: streams at once (default 16)" },
    quantization: {
      type: "string",
      default: "none",
      description: `How the frozen base is kept: ${QUANTIZATIONS.join(", ")}`,
    },
    recompute: {
      type: "string",
      description: "What the backward pass computes again: layers, selective",
    },
    device: {
      type: "string",
      default: "cpu",
      description: "Where gradients are computed: cpu, webgpu",
    },
    ...jsonArg,
  },
  async (args, { signal }) => {
    if (args.what !== "train" && args.what !== "decode" && args.what !== "data")
      throw new TwainError("cli/usage", `there is no bench ${args.what}`, {
        hint: "There are: twainbot bench train, twainbot bench decode, twainbot bench data.",
      });
    const named = benchShapes[args.shape];
    if (!named)
      throw new TwainError("cli/usage", `there is no shape ${args.shape}`, {
        hint: `There is: ${Object.keys(benchShapes).join(", ")}.`,
      });
    const quantization = QUANTIZATIONS.find((name) => name === args.quantization);
    if (!quantization)
      throw new TwainError("cli/usage", `--quantization is ${args.quantization}`, {
        hint: `It is one of ${QUANTIZATIONS.join(", ")}.`,
      });
    const device = (["cpu", "webgpu"] as const).find((name) => name === args.device);
    if (!device)
      throw new TwainError("cli/usage", `--device is ${args.device}`, {
        hint: "It is cpu or webgpu.",
      });
    await requireDevice(device, signal);
    const shape = {
      ...named,
      quantization,
      device,
      ...(args.layers !== undefined && { layers: positive("layers", args.layers) }),
      ...(args.rows !== undefined && { rows: positive("rows", args.rows) }),
      ...(args.length !== undefined && { length: positive("length", args.length) }),
      ...(args.steps !== undefined && { steps: positive("steps", args.steps) }),
      ...(args.recompute !== undefined && { recompute: recomputeArg(args.recompute) }),
    };
    const report = (line: string): void => void process.stderr.write(`${line}\n`);
    const figures =
      args.what === "data"
        ? await benchData(positive("documents", args.documents ?? "100000"), signal, report)
        : args.what === "train"
          ? await benchTrain(shape, signal, report)
          : await benchDecode(
              {
                ...shape,
                layers: args.layers === undefined ? DECODE_LAYERS : shape.layers,
                batch: positive("batch", args.batch ?? "16"),
                rounds: args.steps === undefined ? 12 : shape.steps,
              },
              signal,
              report,
            );
    const machine = {
      processor: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memory: totalmem(),
      ...versions(),
    };
    if (args.json)
      process.stdout.write(`${JSON.stringify({ bench: args.what, figures, machine }, null, 2)}\n`);
    else {
      for (const { name, value, unit, ratio, ratioOf = "of the peak" } of figures) {
        const share = ratio === undefined ? "" : `   ${ratio.toFixed(2)} ${ratioOf}`;
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
