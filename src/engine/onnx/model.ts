/** A graph as the bytes of an ONNX ModelProto. Field numbers are those of onnx.proto. */
import type { Graph, Node } from "../graph.ts";
import type { Attribute, OnnxForm } from "../op.ts";
import { ONNX_DTYPES } from "../ops/elementwise.ts";
import { type DType, type Tensor, type TypedArray } from "../tensor.ts";
import { Message } from "./protobuf.ts";

const IR_VERSION = 10;
const OPSET = 21;

const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;
const EXTERNAL = 1;

/** Where the bytes of initializers are found: `path` is what the session is given them under. */
export interface ExternalData {
  readonly path: string;
  readonly data: Uint8Array;
}

export interface OnnxModel {
  readonly bytes: Uint8Array;
  readonly externalData: readonly ExternalData[];
  /** Names of the nodes that read or write half floats: not every graphics card can. */
  readonly halfNodes: readonly string[];
}

/** Writes the graph as it stands (see simplify.ts); `name` of a node is its op and position. */
export function toModel(graph: Graph): OnnxModel {
  const writer = new GraphWriter(graph);
  const model = new Message()
    .integer(1, IR_VERSION)
    .string(2, "twainbot")
    .message(7, writer.write())
    .message(8, new Message().string(1, "").integer(2, OPSET))
    .message(8, new Message().string(1, "com.microsoft").integer(2, 1));
  return {
    bytes: model.finish(),
    externalData: writer.externalData,
    halfNodes: graph.nodes.flatMap((node, position) =>
      [...node.inputs, node.output].some(({ dtype }) => dtype === "float16")
        ? [nodeName(formOf(node), position)]
        : [],
    ),
  };
}

class GraphWriter {
  readonly externalData: ExternalData[] = [];
  readonly #graph: Graph;
  readonly #message = new Message();
  readonly #names = new Map<number, string>();
  readonly #vectors = new Map<string, string>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  write(): Message {
    const graph = this.#graph;
    this.#message.string(2, "twainbot");
    for (const [name, x] of graph.inputs) {
      this.#names.set(x.id, `in:${name}`);
      this.#message.message(11, this.#valueInfo(`in:${name}`, x));
    }
    for (const [name, x] of graph.initializers) this.#initializer(name, x);
    for (const [name, x] of graph.outputs) {
      // A node's result carries the output's name unless another output already named it.
      if (x.origin.kind === "node" && !this.#names.has(x.id)) this.#names.set(x.id, `out:${name}`);
    }
    graph.nodes.forEach((node, position) => this.#node(node, position));
    for (const [name, x] of graph.outputs) {
      const source = this.#nameOf(x);
      if (source !== `out:${name}`) {
        this.#message.message(
          1,
          new Message()
            .string(1, source)
            .string(2, `out:${name}`)
            .string(3, `Identity_${name}`)
            .string(4, "Identity"),
        );
      }
      this.#message.message(12, this.#valueInfo(`out:${name}`, x));
    }
    return this.#message;
  }

  #nameOf(x: Tensor): string {
    const known = this.#names.get(x.id);
    if (known) return known;
    const name = `t${x.id}`;
    this.#names.set(x.id, name);
    if (x.origin.kind === "constant") this.#constant(name, x.dtype, x.shape, x.origin.data);
    return name;
  }

  #isFree(size: number): boolean {
    for (const free of this.#graph.freeSizes.keys()) if (size > 0 && size % free === 0) return true;
    return false;
  }

  #refuseFree(what: string, sizes: readonly number[]): void {
    if (sizes.some((size) => this.#isFree(size)))
      throw new Error(`${what} [${sizes.join(",")}] has a size that only a run knows`);
  }

  #valueInfo(name: string, x: Tensor): Message {
    const shape = new Message();
    for (const size of x.shape) {
      const free = this.#graph.freeSizes.get(size);
      const known = new Message();
      if (free !== undefined) known.string(2, free);
      // A product of free sizes has no name, and stays open.
      else if (!this.#isFree(size)) known.integer(1, size);
      shape.message(1, known);
    }
    const type = new Message().integer(1, ONNX_DTYPES[x.dtype]).message(2, shape);
    return new Message().string(1, name).message(2, new Message().message(1, type));
  }

  /** The target of a reshape: free sizes are copied from the same axis of the input, or worked out by the runtime. */
  #target(form: OnnxForm, input: Tensor): OnnxForm {
    const [shape] = form.vectors!;
    if (!shape!.some((size) => this.#isFree(size))) return form;
    const target = shape!.map((size, axis) => {
      if (!this.#isFree(size)) return size;
      return size === input.shape[axis] ? 0 : -1;
    });
    if (target.filter((size) => size === -1).length > 1)
      throw new Error(`a reshape to [${shape!.join(",")}] has two sizes that only a run knows`);
    return { type: form.type, vectors: [target] };
  }

  #constant(name: string, dtype: DType, shape: readonly number[], data: TypedArray): void {
    this.#refuseFree(name, shape);
    this.#message.message(5, tensorHeader(dtype, shape, name).bytes(9, bytesOf(data)));
  }

  #initializer(name: string, x: Tensor): void {
    if (x.origin.kind !== "initializer") return;
    this.#names.set(x.id, `w:${name}`);
    const path = `initializer-${this.externalData.length}`;
    this.externalData.push({ path, data: bytesOf(x.origin.data) });
    this.#message.message(
      5,
      tensorHeader(x.dtype, x.shape, `w:${name}`)
        .message(13, keyValue("location", path))
        .message(13, keyValue("offset", "0"))
        .message(13, keyValue("length", String(x.origin.data.byteLength)))
        .integer(14, EXTERNAL),
    );
  }

  /** One initializer for each different vector. */
  #vector(values: readonly number[]): string {
    const key = values.join(",");
    const known = this.#vectors.get(key);
    if (known !== undefined) return known;
    const name = `v${this.#vectors.size}`;
    this.#vectors.set(key, name);
    this.#constant(name, "int64", [values.length], BigInt64Array.from(values, BigInt));
    return name;
  }

  #node(node: Node, position: number): void {
    const own = formOf(node);
    const form = own.type === "Reshape" && own.vectors ? this.#target(own, node.inputs[0]!) : own;
    for (const vector of form.vectors ?? []) this.#refuseFree(form.type, vector);
    const message = new Message();
    for (const input of node.inputs) message.string(1, this.#nameOf(input));
    for (const vector of form.vectors ?? []) message.string(1, this.#vector(vector));
    message.string(2, this.#nameOf(node.output));
    const name = nodeName(form, position);
    message.string(3, name).string(4, form.type);
    for (const [key, value] of Object.entries(form.attributes ?? {}))
      message.message(5, attribute(key, value));
    if (form.domain) message.string(7, form.domain);
    this.#message.message(1, message);
  }
}

const formOf = (node: Node): OnnxForm =>
  node.op.onnx?.(node.attrs, node.inputs) ?? { type: node.op.name, attributes: node.attrs };

const nodeName = (form: OnnxForm, position: number): string => `${form.type}_${position}`;

const bytesOf = (data: TypedArray): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const keyValue = (key: string, value: string): Message =>
  new Message().string(1, key).string(2, value);

function tensorHeader(dtype: DType, shape: readonly number[], name: string): Message {
  const tensor = new Message();
  for (const size of shape) tensor.integer(1, size);
  return tensor.integer(2, ONNX_DTYPES[dtype]).string(8, name);
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().string(1, name);
  if (typeof value === "number") return message.integer(3, value).integer(20, ATTRIBUTE_INT);
  if (typeof value === "string") return message.string(4, value).integer(20, ATTRIBUTE_STRING);
  if ("float" in value) return message.float(2, value.float).integer(20, ATTRIBUTE_FLOAT);
  for (const item of value) message.integer(8, item);
  return message.integer(20, ATTRIBUTE_INTS);
}
