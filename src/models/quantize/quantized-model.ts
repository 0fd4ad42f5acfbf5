/** A model whose base is kept packed: what the trainer is given instead of float32 tensors. */
import { type Value, value } from "../../engine/index.ts";
import type { Model } from "../folder.ts";
import type { StoredTensor } from "../safetensors.ts";
import type { PackedTensor } from "./format.ts";
import { type Quantization, formatFor, packTensor } from "./index.ts";

export interface QuantizedModel extends Pick<Model, "architecture" | "config" | "hash"> {
  readonly quantization: Quantization;
  readonly packed: ReadonlyMap<string, PackedTensor>;
}

/** Packs a model that is in memory. Throws `model/quantize-range`. */
export function quantizeModel(model: Model, quantization: Quantization): QuantizedModel {
  const { architecture, config, hash } = model;
  const packed = new Map<string, PackedTensor>();
  for (const [name, parameter] of architecture.parameters(config)) {
    const { data, shape } = model.tensors.get(name)!;
    packed.set(name, packTensor(name, data, shape, formatFor(parameter, quantization)));
  }
  return { architecture, config, hash: `${hash} ${quantization}`, quantization, packed };
}

/**
 * The float32 model of the very numbers that training on `model` sees: what decoding, merging and
 * evaluation must use for an adapter trained on it.
 */
export function dequantizeModel(model: QuantizedModel): Model {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape, format, parts }] of model.packed)
    tensors.set(name, { shape, data: format.unpack(parts, shape) });
  const { architecture, config, hash } = model;
  return { architecture, config, hash, tensors };
}

/** What a training graph is fed for the frozen base, by input name. */
export function frozenFeeds(model: Model | QuantizedModel): Record<string, Value> {
  const feeds: Record<string, Value> = {};
  if ("packed" in model) {
    for (const [name, { shape, format, parts }] of model.packed)
      for (const [suffix, type] of Object.entries(format.parts(shape)))
        feeds[name + suffix] = value(type.dtype, type.shape, parts[suffix]!);
  } else {
    for (const [name] of model.architecture.parameters(model.config)) {
      const { shape, data } = model.tensors.get(name)!;
      feeds[name] = value("float32", shape, data);
    }
  }
  return feeds;
}
