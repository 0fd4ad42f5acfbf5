/** A model whose base is kept packed: what the trainer is given instead of float32 tensors. */
import { type Value, value } from "../../engine/index.ts";
import type { Model } from "../folder.ts";
import type { StoredTensor } from "../safetensors.ts";
import type { PackedTensor } from "./format.ts";
import { type Quantization, formatFor, packTensor } from "./index.ts";

export interface QuantizedModel extends Model {
  readonly quantization: Quantization;
  readonly packed: ReadonlyMap<string, PackedTensor>;
}

/** `tensors` of the model are unpacked each time they are asked for, and not kept. */
export function quantizedModel(model: Omit<QuantizedModel, "tensors">): QuantizedModel {
  return { ...model, tensors: unpackedTensors(model.packed) };
}

function unpackedTensors(
  packed: ReadonlyMap<string, PackedTensor>,
): ReadonlyMap<string, StoredTensor> {
  const unpack = ({ shape, format, parts }: PackedTensor): StoredTensor => ({
    shape,
    data: format.unpack(parts, shape),
  });
  function* entries(): MapIterator<[string, StoredTensor]> {
    for (const [name, tensor] of packed) yield [name, unpack(tensor)];
  }
  function* values(): MapIterator<StoredTensor> {
    for (const tensor of packed.values()) yield unpack(tensor);
  }
  const tensors: ReadonlyMap<string, StoredTensor> = {
    size: packed.size,
    has: (name) => packed.has(name),
    get(name) {
      const found = packed.get(name);
      return found && unpack(found);
    },
    keys: () => packed.keys(),
    values,
    entries,
    [Symbol.iterator]: entries,
    forEach(visit) {
      for (const [name, tensor] of entries()) visit(tensor, name, tensors);
    },
  };
  return tensors;
}

/** Packs a model that is in memory. Throws `model/quantize-range`. */
export function quantizeModel(model: Model, quantization: Quantization): QuantizedModel {
  const { architecture, config, hash } = model;
  const packed = new Map<string, PackedTensor>();
  for (const [name, parameter] of architecture.parameters(config)) {
    const { data, shape } = model.tensors.get(name)!;
    packed.set(name, packTensor(name, data, shape, formatFor(parameter, quantization)));
  }
  return quantizedModel({
    architecture,
    config,
    hash: `${hash} ${quantization}`,
    quantization,
    packed,
  });
}

/** What a training graph is fed for the frozen base, by input name. */
export function frozenFeeds(model: Model): Record<string, Value> {
  const feeds: Record<string, Value> = {};
  if (isQuantized(model)) {
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

const isQuantized = (model: Model): model is QuantizedModel => "packed" in model;
