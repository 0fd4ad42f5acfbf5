/** The formats a frozen base can be kept in, and which of its tensors get which. */
import { TwainError } from "../../core/errors.ts";
import type { Recipe } from "../../core/recipe.ts";
import { byteSizeOf } from "../../engine/index.ts";
import type { Parameter } from "../architecture.ts";
import { checkFinite } from "../folder.ts";
import { bf16, f16, f32 } from "./float.ts";
import type { PackedTensor, WeightFormat } from "./format.ts";
import { int4 } from "./int4.ts";
import { int8 } from "./int8.ts";
import { nf4 } from "./nf4.ts";

/** A recipe's `train.quantization` other than "none". */
export type Quantization = Exclude<Recipe["train"]["quantization"], "none">;

/** `linear` for the linear layers, `table` for embedding and output layer: they suffer most from few bits. */
const quantizations: Readonly<Record<Quantization, { linear: WeightFormat; table: WeightFormat }>> =
  {
    nf4: { linear: nf4, table: f16 },
    int4: { linear: int4, table: f16 },
    int8: { linear: int8, table: f16 },
    f16: { linear: f16, table: f16 },
    bf16: { linear: bf16, table: bf16 },
  };

/** How a parameter is kept; norms and biases stay float32. */
export function formatFor({ kind }: Parameter, quantization: Quantization): WeightFormat {
  const { linear, table } = quantizations[quantization];
  if (kind === "linear") return linear;
  return kind === "embedding" || kind === "output" ? table : f32;
}

/** Bytes of parameters as they are kept; float32 where there is no quantization. */
export function keptBytes(
  parameters: ReadonlyMap<string, Parameter>,
  quantization: Quantization | undefined,
): number {
  let bytes = 0;
  for (const parameter of parameters.values()) {
    const format = quantization ? formatFor(parameter, quantization) : f32;
    for (const part of Object.values(format.parts(parameter.shape))) bytes += byteSizeOf(part);
  }
  return bytes;
}

/** Packs one tensor. Throws, naming it, `model/not-finite`, and `model/quantize-range` for numbers that are too large. */
export function packTensor(
  name: string,
  data: Float32Array,
  shape: readonly number[],
  format: WeightFormat,
): PackedTensor {
  checkFinite(name, data);
  try {
    return { shape, format, parts: format.pack(data, shape) };
  } catch (error) {
    if (!(error instanceof TwainError)) throw error;
    throw new TwainError("model/quantize-range", `${name}: ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}
