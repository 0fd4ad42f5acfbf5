/** Weights of `*-bnb-4bit` repositories: NF4 as bitsandbytes serializes it beside the weight's own name. */
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { type TypedArray, sizeOf } from "../../engine/index.ts";
import type { OpenSafetensors } from "../safetensors.ts";
import { DYNAMIC_BLOCK, dynamicMap } from "./dynamic-map.ts";
import type { Parts } from "./format.ts";
import { NF4_BLOCK, NF4_CODEBOOK, nf4 } from "./nf4.ts";

/** JSON in a tensor of bytes; it says little, so a long one is none. */
const MOST_STATE_BYTES = 1 << 16;

const STATE = ".quant_state.bitsandbytes__nf4";

const QuantState = z.looseObject({
  quant_type: z.literal("nf4"),
  blocksize: z.literal(NF4_BLOCK),
  shape: z.array(z.number().int().positive()).min(1).max(2),
  nested_blocksize: z.literal(DYNAMIC_BLOCK),
  nested_dtype: z.literal("float32"),
  nested_offset: z.number(),
});

/** Whether `name` is stored quantized by bitsandbytes, in whatever way. */
export const isPrequantized = (file: OpenSafetensors, name: string): boolean =>
  file.entries.get(name)?.dtype === "U8" ||
  [...file.entries.keys()].some((key) => key.startsWith(`${name}.quant_state.`));

/**
 * The parts of weight `name` as they are stored. Throws `model/quant-state` for a state that is damaged or
 * that we do not run: other than NF4 with double quantization in blocks of 64 and 256 and the usual tables.
 */
export async function readPrequantized(
  file: OpenSafetensors,
  path: string,
  name: string,
  shape: readonly number[],
): Promise<Parts<TypedArray>> {
  const refuse = (what: string, cause?: unknown): never => {
    throw new TwainError("model/quant-state", `${path}: ${name}: ${what}`, {
      hint: "Read are NF4 weights with double quantization, as load_in_4bit with bnb_4bit_use_double_quant=True saves them.",
      cause,
    });
  };
  /** The bytes of a part, whose type and number of elements must be these. */
  const part = async (suffix: string, dtype: "U8" | "F32", size: number): Promise<Uint8Array> => {
    const entry = file.entries.get(name + suffix);
    if (!entry) return refuse(`${name}${suffix} is missing`);
    if (entry.dtype !== dtype || sizeOf(entry.shape) !== size)
      return refuse(
        `${name}${suffix} is ${entry.dtype} of ${sizeOf(entry.shape)} elements, not ${dtype} of ${size}`,
      );
    return file.read(name + suffix);
  };
  const floats = async (suffix: string, size: number): Promise<Float32Array> =>
    new Float32Array((await part(suffix, "F32", size)).buffer);

  const stateSize = file.entries.get(name + STATE)?.shape[0] ?? 0;
  if (stateSize === 0 || stateSize > MOST_STATE_BYTES)
    return refuse(`${name}${STATE} is missing or no state (${stateSize} bytes)`);
  const bytes = await part(STATE, "U8", stateSize);
  let state: z.infer<typeof QuantState>;
  try {
    state = QuantState.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    return refuse(
      issue ? `quant_state ${issue.path.join(".")}: ${issue.message}` : "quant_state is not JSON",
      cause,
    );
  }
  if (state.shape.join() !== shape.join())
    return refuse(
      `quant_state is of [${state.shape.join(", ")}], the model's of [${shape.join(", ")}]`,
    );
  if (!sameNumbers(await floats(".quant_map", 16), NF4_CODEBOOK))
    return refuse("quant_map is not NF4's codebook");
  if (!sameNumbers(await floats(".nested_quant_map", 256), dynamicMap()))
    return refuse("nested_quant_map is not the dynamic map");
  const types = nf4.parts(shape);
  const nested = await floats(".nested_absmax", sizeOf(types[".nested_absmax"]!.shape));
  if (![...nested, state.nested_offset].every((x) => Number.isFinite(x)))
    return refuse("a scale is not finite");
  return {
    "": await part("", "U8", sizeOf(types[""]!.shape)),
    ".absmax": await part(".absmax", "U8", sizeOf(types[".absmax"]!.shape)),
    ".nested_absmax": nested,
    ".nested_offset": Float32Array.of(state.nested_offset),
  };
}

const sameNumbers = (a: Float32Array, b: Float32Array): boolean => a.every((x, i) => x === b[i]);
