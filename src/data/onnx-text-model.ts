/**
 * Runs a model that reads texts (BERT and its like) from a local folder. One vector comes back for each window of a
 * text, and it does not depend on what else was in the batch: a batch holds windows of one length only, so that
 * nothing is padded, and the rows of a matrix product do not see each other.
 */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { TwainError } from "../core/errors.ts";
import { type OnnxFolder, readOnnxFolder, readOnnxModel } from "./onnx-folder.ts";
import { createTokenWindows } from "./token-windows.ts";

const INPUTS = ["input_ids", "attention_mask", "token_type_ids"];
/** Tokens in one run: bounds the runtime's memory whatever the recipe's batch. */
const TOKENS = 8192;

/** An output as the model declares it. */
export interface ModelOutput {
  name: string;
  type: string;
  /** 2: a vector for each text; 3: one for each token. */
  rank: number;
}

/** How one vector is made of those of the tokens. */
export type Pooling = "mean" | "first";

export interface VectorOptions {
  output: ModelOutput;
  pooling: Pooling;
  /** Windows in one run, at most. */
  batch: number;
  signal: AbortSignal;
}

type RunOptions = Omit<VectorOptions, "signal">;

/** An open model; the memory of its session is not the garbage collector's, so `close` it. */
export interface OnnxTextModel {
  readonly folder: OnnxFolder;
  readonly outputs: readonly ModelOutput[];
  /** Numbers in a vector, found by running the model once. Throws as `vectors` does. */
  width(options: RunOptions): Promise<number>;
  /**
   * For each text the vectors of its windows: one where it fits, none where it has no token. Throws
   * `curate/model-failed`, `curate/model-unfit`, and `curate/model-numbers` for NaN and infinity.
   */
  vectors(texts: readonly string[], options: VectorOptions): Promise<Float32Array[][]>;
  close(): Promise<void>;
}

/** A model that is whole, but not one that can do this work. */
export const unfit = (path: string, problem: string, hint: string): TwainError =>
  new TwainError("curate/model-unfit", `${path}: ${problem}`, { hint });

const describe = (outputs: readonly ModelOutput[]): string =>
  outputs.map(({ name, type, rank }) => `${name} (${type}, ${rank} dimensions)`).join(", ");

/** The first output with one of the names, else the only one; throws `curate/model-unfit` where it is none of `ranks`. */
export function chooseOutput(
  { outputs, folder }: OnnxTextModel,
  names: readonly string[],
  ranks: readonly number[],
  task: string,
): ModelOutput {
  const named = names.map((name) => outputs.find((output) => output.name === name));
  const found = named.find((output) => output) ?? (outputs.length === 1 ? outputs[0] : undefined);
  if (found?.type === "float32" && ranks.includes(found.rank)) return found;
  throw unfit(
    folder.model,
    `no output ${names.join(" or ")} of float32 numbers with ${ranks.join(" or ")} dimensions; it has ${describe(outputs)}`,
    `Export it for this task: optimum-cli export onnx --task ${task} --model <name> <folder>`,
  );
}

function checkInputs(path: string, inputs: readonly InferenceSession.ValueMetadata[]): void {
  const names = inputs.map(({ name }) => name);
  const hint = "Export the model with optimum-cli, whose texts have free batch and length.";
  if (!names.includes("input_ids"))
    throw unfit(path, `no input input_ids; it has ${names.join(", ")}`, hint);
  for (const input of inputs) {
    if (!INPUTS.includes(input.name))
      throw unfit(
        path,
        `an input ${input.name} that nobody can fill; known are ${INPUTS.join(", ")}`,
        hint,
      );
    if (
      !input.isTensor ||
      (input.type !== "int64" && input.type !== "int32") ||
      input.shape.length !== 2
    )
      throw unfit(path, `input ${input.name} is no matrix of integers`, hint);
    if (input.shape.some((size) => typeof size === "number" && size > 0))
      throw unfit(path, `input ${input.name} has the fixed size [${input.shape.join(", ")}]`, hint);
  }
}

const outputsOf = (metadata: readonly InferenceSession.ValueMetadata[]): ModelOutput[] =>
  metadata.map((output) => {
    const { name } = output;
    return output.isTensor
      ? { name, type: output.type, rank: output.shape.length }
      : { name, type: "no tensor", rank: 0 };
  });

/** One vector for each row of a result. */
function pool(data: Float32Array, dims: readonly number[], pooling: Pooling): Float32Array[] {
  const [rows, width] = [dims[0]!, dims.at(-1)!];
  const tokens = dims.length === 3 ? dims[1]! : 1;
  return Array.from({ length: rows }, (_, row) => {
    const from = row * tokens * width;
    if (tokens === 1 || pooling === "first") return data.slice(from, from + width);
    const sum = new Float64Array(width);
    for (let at = from; at < from + tokens * width; at += width)
      for (let k = 0; k < width; k++) sum[k]! += data[at + k]!;
    return Float32Array.from(sum, (value) => value / tokens);
  });
}

/** Places of windows by their length, in batches that fit. */
function* equalLengths(windows: readonly number[][], batch: number): Generator<number[]> {
  const byLength = new Map<number, number[]>();
  for (const [i, { length }] of windows.entries()) {
    const places = byLength.get(length);
    if (places) places.push(i);
    else byLength.set(length, [i]);
  }
  for (const [length, places] of byLength) {
    const size = Math.max(1, Math.min(batch, Math.floor(TOKENS / length)));
    for (let from = 0; from < places.length; from += size) yield places.slice(from, from + size);
  }
}

/**
 * Opens a folder. Throws `curate/model-missing`, `curate/model-broken`, and `curate/model-unfit` for inputs that texts
 * cannot fill.
 */
export async function openOnnxTextModel(path: string): Promise<OnnxTextModel> {
  const folder = await readOnnxFolder(path);
  const windowsOf = createTokenWindows(folder);
  const ort = await import("onnxruntime-node");
  const { bytes, externalData } = await readOnnxModel(folder);
  // Its scales are those of the largest number in the batch, so that a text's neighbours would change its score.
  const alone = bytes.includes("DynamicQuantize");
  let session: InferenceSession;
  try {
    // From bytes, so that it can name no file that was not read and hashed with it.
    session = await ort.InferenceSession.create(bytes, {
      executionProviders: ["cpu"],
      logSeverityLevel: 4,
      // Between two runs the tokenizer works, and waiting threads would take its core.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
      ...(externalData.length > 0 && { externalData }),
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new TwainError("curate/model-broken", `${folder.model}: ${message}`, {
      hint: "Export the model again, or copy it anew, with the weights that lie beside it.",
      cause,
    });
  }

  async function run(
    rows: readonly number[][],
    { output, pooling }: RunOptions,
  ): Promise<Float32Array[]> {
    const dims = [rows.length, rows[0]!.length];
    const count = dims[0]! * dims[1]!;
    const feeds: Record<string, Tensor> = {};
    for (const input of session.inputMetadata) {
      const values =
        input.name === "input_ids"
          ? rows.flat()
          : new Array<number>(count).fill(input.name === "attention_mask" ? 1 : 0);
      feeds[input.name] =
        input.isTensor && input.type === "int32"
          ? new ort.Tensor("int32", Int32Array.from(values), dims)
          : new ort.Tensor("int64", BigInt64Array.from(values, BigInt), dims);
    }
    let result: Tensor | undefined;
    try {
      result = (await session.run(feeds, [output.name]))[output.name];
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new TwainError("curate/model-failed", `${folder.model}: ${message}`, {
        hint: "tokenizer.json and the model must be of one export; with too little memory, lower the batch.",
        cause,
      });
    }
    const expected =
      output.rank === 3 ? [...dims, result!.dims.at(-1)!] : [dims[0]!, result!.dims.at(-1)!];
    if (!(result!.data instanceof Float32Array) || result!.dims.join() !== expected.join())
      throw unfit(
        folder.model,
        `${output.name} came as ${result!.type} [${result!.dims.join(", ")}], not as float32 [${expected.join(", ")}]`,
        "Export the model again with optimum-cli.",
      );
    return pool(result!.data, result!.dims, pooling);
  }

  const model: OnnxTextModel = {
    folder,
    outputs: outputsOf(session.outputMetadata),
    async width(options) {
      const { signal } = new AbortController();
      const [windows] = await model.vectors(["a"], { ...options, signal });
      return windows![0]!.length;
    },
    async vectors(texts, options) {
      const windows: number[][] = [];
      const found: Float32Array[][] = texts.map(() => []);
      const textOf: number[] = [];
      for (const [i, text] of texts.entries())
        for (const window of windowsOf(text)) {
          windows.push(window);
          textOf.push(i);
        }
      const vectors = new Array<Float32Array>(windows.length);
      for (const places of equalLengths(windows, alone ? 1 : options.batch)) {
        options.signal.throwIfAborted();
        const rows = await run(
          places.map((i) => windows[i]!),
          options,
        );
        for (const [k, i] of places.entries()) vectors[i] = rows[k]!;
      }
      for (const [i, vector] of vectors.entries()) {
        if (!vector.every(Number.isFinite))
          throw new TwainError(
            "curate/model-numbers",
            `${folder.model} says NaN or infinity of ${JSON.stringify(texts[textOf[i]!]!.slice(0, 80))}`,
            {
              hint: "The weights are damaged, or were rounded to 16 bits that cannot hold them: export them as float32.",
            },
          );
        found[textOf[i]!]!.push(vector);
      }
      return found;
    },
    close: () => session.release(),
  };
  try {
    checkInputs(folder.model, session.inputMetadata);
  } catch (error) {
    await model.close();
    throw error;
  }
  return model;
}
