/**
 * A model folder quantized tensor by tensor, never whole in float32, into a cache file named by the hash of
 * what it was made from. The cache is safetensors, with the parts of a weight under its name and their suffix.
 */
import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import { TwainError } from "../../core/errors.ts";
import { fingerprint, hashFile } from "../../core/hash.ts";
import type { DType, TypedArray } from "../../engine/index.ts";
import type { Parameter } from "../architecture.ts";
import { checkHeaders } from "../check-weights.ts";
import { readConfig, weightFiles } from "../folder.ts";
import {
  type OpenSafetensors,
  type StoredType,
  type TensorEntry,
  openSafetensors,
  readFloats,
  streamSafetensors,
} from "../safetensors.ts";
import { checkStoredQuantization } from "../stored-quantization.ts";
import { isPrequantized, readPrequantized } from "./bitsandbytes.ts";
import type { PackedTensor, Parts } from "./format.ts";
import { type Quantization, formatFor, packTensor } from "./index.ts";
import { type QuantizedModel, quantizedModel } from "./quantized-model.ts";

/** Raised when a format stores something else than before. */
const CACHE_VERSION = 1;

export interface QuantizeFolderOptions {
  /** Where quantized copies are kept; made when it is not there. */
  cache: string;
  signal?: AbortSignal;
}

/**
 * The model of `folder` with its base packed. Throws what `readModel` throws, `model/quant-state`, `model/not-finite` and
 * `model/quantize-range`, and `core/write-failed` where the cache has no room.
 */
export async function quantizeFolder(
  folder: string,
  quantization: Quantization,
  { cache, signal }: QuantizeFolderOptions,
): Promise<QuantizedModel> {
  const { config, architecture } = await readConfig(folder);
  checkStoredQuantization(join(folder, "config.json"), config, quantization);
  const parameters = architecture.parameters(config);
  const weights = await weightFiles(folder);
  const paths = weights.files.map((file) => join(folder, file));
  const sources: string[] = [];
  for (const path of paths) {
    signal?.throwIfAborted();
    sources.push((await hashFile(path)).sha256);
  }
  const hash = fingerprint({ config, sources, quantization, version: CACHE_VERSION });
  const path = join(cache, `${hash}.safetensors`);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const files: OpenSafetensors[] = [];
    try {
      for (const source of paths) files.push(await openSafetensors(source));
      checkHeaders(folder, { architecture, config }, weights, files, quantization);
      await writePacked(path, parameters, quantization, { folder, paths, files, signal });
    } finally {
      for (const file of files) await file.close();
    }
  }
  return quantizedModel({
    architecture,
    config,
    hash,
    quantization,
    packed: await readPacked(path, parameters, quantization),
  });
}

interface Source {
  folder: string;
  paths: readonly string[];
  files: readonly OpenSafetensors[];
  signal: AbortSignal | undefined;
}

async function writePacked(
  path: string,
  parameters: ReadonlyMap<string, Parameter>,
  quantization: Quantization,
  { folder, paths, files, signal }: Source,
): Promise<void> {
  const at = new Map(
    files.flatMap(({ entries }, i) => [...entries.keys()].map((name) => [name, i] as const)),
  );

  const pack = async (name: string, parameter: Parameter): Promise<Parts<TypedArray>> => {
    const [file, source] = [files[at.get(name)!]!, paths[at.get(name)!]!];
    if (!isPrequantized(file, name)) {
      const { data, shape } = await readFloats(file, source, name);
      const format = formatFor(parameter, quantization);
      return packTensor(`${source}: ${name}`, data, shape, format).parts;
    }
    return readPrequantized(file, source, name, parameter.shape);
  };
  async function* contents(): AsyncGenerator<TypedArray> {
    for (const [name, parameter] of parameters) {
      signal?.throwIfAborted();
      const parts = await pack(name, parameter);
      for (const suffix of Object.keys(formatFor(parameter, quantization).parts(parameter.shape)))
        yield parts[suffix]!;
    }
  }
  const metadata = { quantization, source: basename(folder) };
  await streamSafetensors(path, partTypes(parameters, quantization), metadata, contents());
}

/** Types as safetensors names them; brain floats are the only 16-bit integers we keep. */
const STORED: Readonly<Partial<Record<DType, StoredType>>> = {
  float32: "F32",
  float16: "F16",
  uint16: "BF16",
  uint8: "U8",
  int8: "I8",
};

function partTypes(
  parameters: ReadonlyMap<string, Parameter>,
  quantization: Quantization,
): Map<string, TensorEntry> {
  const types = new Map<string, TensorEntry>();
  for (const [name, parameter] of parameters) {
    const parts = formatFor(parameter, quantization).parts(parameter.shape);
    for (const [suffix, { dtype, shape }] of Object.entries(parts))
      types.set(name + suffix, { dtype: STORED[dtype]!, shape });
  }
  return types;
}

async function readPacked(
  path: string,
  parameters: ReadonlyMap<string, Parameter>,
  quantization: Quantization,
): Promise<Map<string, PackedTensor>> {
  const file = await openSafetensors(path);
  try {
    for (const [name, { dtype, shape }] of partTypes(parameters, quantization)) {
      const found = file.entries.get(name);
      if (found?.dtype !== dtype || found.shape.join() !== shape.join())
        throw new TwainError("model/bad-safetensors", `${path}: ${name} is not what was written`, {
          hint: "Delete the file: it is made again from the model.",
        });
    }
    const packed = new Map<string, PackedTensor>();
    for (const [name, parameter] of parameters) {
      const format = formatFor(parameter, quantization);
      const { shape } = parameter;
      const parts: Record<string, TypedArray> = {};
      for (const [suffix, { dtype }] of Object.entries(format.parts(shape)))
        parts[suffix] = arrayOf(dtype, await file.read(name + suffix));
      packed.set(name, { shape, format, parts });
    }
    return packed;
  } finally {
    await file.close();
  }
}

/** The bytes, which have a buffer of their own, as an array of their type. */
function arrayOf(dtype: DType, { buffer }: Uint8Array): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer);
    case "float16":
    case "uint16":
      return new Uint16Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
  }
}
