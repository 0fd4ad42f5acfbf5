/** A smaller graph with the same outputs: dead nodes dropped, no-ops folded, equal nodes merged. */
import { Graph, type Node } from "./graph.ts";
import type { Attributes } from "./op.ts";
import { afterOp, orderedValue, reshapedLater } from "./ops/after.ts";
import { cast, exp, log, sub } from "./ops/elementwise.ts";
import { gather } from "./ops/indexing.ts";
import { matmul } from "./ops/matmul.ts";
import { reshape, transpose } from "./ops/layout.ts";
import { reduceMax, reduceSum } from "./ops/reduce.ts";
import { type Tensor, type TypedArray, describe, sameShape, sizeOf } from "./tensor.ts";

/** Constants up to this many elements are compared with each other. */
const SMALL = 64;

export interface SimplifyOptions {
  /** Says in other operators what WebGPU has no kernel for, and would be sent to the CPU and back. */
  webgpu?: boolean;
}

/** A new graph with the same outputs; every declared input and needed initializer keeps its name. */
export function simplify(graph: Graph, { webgpu = false }: SimplifyOptions = {}): Graph {
  // One pass can open the way for another: what a fold made is looked at the next time.
  let current = pass(graph, webgpu);
  for (;;) {
    const next = pass(current, webgpu);
    if (next.nodes.length === current.nodes.length) return next;
    current = next;
  }
}

function pass(graph: Graph, webgpu: boolean): Graph {
  const result = new Graph();
  for (const [size, name] of graph.freeSizes) result.freeSizes.set(size, name);
  const copies = new Map<number, Tensor>();
  const live = liveTensors(graph);
  for (const [name, x] of graph.inputs) copies.set(x.id, result.input(name, x.dtype, x.shape));
  for (const [name, x] of graph.initializers) {
    if (x.origin.kind === "initializer" && live.has(x.id)) {
      copies.set(x.id, result.initializer(name, x.dtype, x.shape, x.origin.data));
    }
  }
  const merged = new Map<string, Tensor>();
  const copyOf = (x: Tensor): Tensor => {
    const known = copies.get(x.id);
    if (known) return known;
    if (x.origin.kind !== "constant")
      throw new Error(`simplify met a tensor of origin ${x.origin.kind} too early`);
    const { data } = x.origin;
    const make = (): Tensor => result.constant(data, x.dtype, x.shape);
    const copy = data.length > SMALL ? make() : remember(merged, constantKey(x, data), make);
    copies.set(x.id, copy);
    return copy;
  };

  for (const node of graph.nodes) {
    if (!live.has(node.output.id)) continue;
    const copy = result.within(node.scope, () => {
      if (node.op.name === afterOp.name) {
        const [x, ...others] = node.inputs;
        return orderedValue(copyOf(x!), others.filter((y) => live.has(y.id)).map(copyOf));
      }
      const inputs = node.inputs.map(copyOf);
      const make = (): Tensor => result.add(node.op, inputs, node.attrs);
      return fold(node, inputs, webgpu) ?? remember(merged, nodeKey(node, inputs), make);
    });
    copies.set(node.output.id, copy);
  }
  for (const [name, x] of graph.outputs) result.output(name, copyOf(x));
  // Nodes that a fold went around.
  const needed = liveTensors(result);
  let kept = 0;
  for (const node of result.nodes) if (needed.has(node.output.id)) result.nodes[kept++] = node;
  result.nodes.length = kept;
  return result;
}

/** Ids that an output needs. What an `after` merely waits for is not needed by it. */
function liveTensors(graph: Graph): Set<number> {
  const live = new Set([...graph.outputs.values()].map((x) => x.id));
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!live.has(node.output.id)) continue;
    const needed = node.op.name === afterOp.name ? node.inputs.slice(0, 1) : node.inputs;
    for (const x of needed) live.add(x.id);
  }
  return live;
}

function remember(merged: Map<string, Tensor>, key: string, make: () => Tensor): Tensor {
  const known = merged.get(key);
  if (known) return known;
  const made = make();
  merged.set(key, made);
  return made;
}

function constantKey(x: Tensor, data: Iterable<number | bigint>): string {
  const items = Array.from(data, (item) => (Object.is(item, -0) ? "-0" : String(item)));
  return `${describe(x)}${items.join(",")}`;
}

const nodeKey = (node: Node, inputs: readonly Tensor[]): string =>
  `${node.op.name}(${inputs.map((x) => x.id).join(",")})${JSON.stringify(node.attrs)}@${node.scope}`;

/** The existing tensor, or the shorter node, that a node amounts to. */
function fold(node: Node, inputs: readonly Tensor[], webgpu: boolean): Tensor | undefined {
  const [a, b] = inputs;
  const { output, attrs } = node;
  if (!a) return undefined;
  switch (node.op.name) {
    case "Identity":
    case "StopGradient":
      return a;
    case "Reshape":
    case "Expand":
      if (sameShape(a.shape, output.shape)) return a;
      if (node.op.name === "Expand") return undefined;
      if (isNode(a, "ReshapeTo")) return reshapedLater(a.origin.node, output.shape);
      return isNode(a, "Reshape") ? reshape(a.origin.node.inputs[0]!, output.shape) : undefined;
    case "Cast":
      return a.dtype === output.dtype ? a : undefined;
    case "Transpose":
      return foldTranspose(a, numbers(attrs, "perm"));
    case "Add":
      return unchanged(output, a, b, 0) ?? unchanged(output, b, a, 0);
    case "Sub":
      return unchanged(output, a, b, 0);
    case "Mul":
      return unchanged(output, a, b, 1) ?? unchanged(output, b, a, 1);
    case "Div":
      return unchanged(output, a, b, 1);
    case "Gather":
      return b && attrs["axis"] === 0 ? pickFirst(a, b, output) : undefined;
    case "MatMul":
      return b && (webgpu ? plainMatmul(a, b, attrs) : foldMatmul(a, b, attrs));
    case "LogSoftmax":
      return webgpu ? plainLogSoftmax(a) : undefined;
    default:
      return undefined;
  }
}

type NodeTensor = Tensor & { origin: { kind: "node"; node: Node } };
const isNode = (x: Tensor, op: string): x is NodeTensor =>
  x.origin.kind === "node" && x.origin.node.op.name === op;

function numbers(attrs: Attributes, key: string): readonly number[] {
  const value = attrs[key];
  return Array.isArray(value) ? value : [];
}

/** `x` where `other` is all `neutral` and does not broadcast it. */
function unchanged(
  output: Tensor,
  x: Tensor | undefined,
  other: Tensor | undefined,
  neutral: number,
): Tensor | undefined {
  if (!x || other?.origin.kind !== "constant" || !sameShape(x.shape, output.shape))
    return undefined;
  const wanted = x.dtype === "float16" && neutral === 1 ? 0x3c00 : neutral;
  return holdsOnly(other.origin.data, wanted) ? x : undefined;
}

function holdsOnly(data: TypedArray, wanted: number): boolean {
  for (const item of data) if (Number(item) !== wanted) return false;
  return true;
}

function foldTranspose(x: Tensor, perm: readonly number[]): Tensor | undefined {
  if (perm.every((axis, i) => axis === i)) return x;
  if (!isNode(x, "Transpose")) return undefined;
  const inner = numbers(x.origin.node.attrs, "perm");
  const both = perm.map((axis) => inner[axis]!);
  const source = x.origin.node.inputs[0]!;
  return both.every((axis, i) => axis === i) ? source : transpose(source, both);
}

/** Rows of a converted or looked-up table: pick them first, so that the whole table is never converted. */
function pickFirst(table: Tensor, rows: Tensor, output: Tensor): Tensor | undefined {
  if (sizeOf(output.shape) > sizeOf(table.shape)) return undefined;
  if (isNode(table, "Cast")) return cast(gather(table.origin.node.inputs[0]!, rows), table.dtype);
  if (!isNode(table, "Gather") || table.origin.node.attrs["axis"] !== 0) return undefined;
  const [inner, indices] = table.origin.node.inputs;
  return indices!.shape.length > 0 ? gather(inner!, gather(indices!, rows)) : undefined;
}

/** A transposition of the last two axes is a flag of the product. */
function foldMatmul(a: Tensor, b: Tensor, attrs: Attributes): Tensor | undefined {
  const [plainA, plainB] = [swapped(a), swapped(b)];
  if (!plainA && !plainB) return undefined;
  return matmul(plainA ?? a, plainB ?? b, {
    transA: (attrs["transA"] === 1) !== (plainA !== undefined),
    transB: (attrs["transB"] === 1) !== (plainB !== undefined),
  });
}

/** The product without FusedMatMul: as one matrix product where the right operand is a matrix, else by transposing. */
function plainMatmul(a: Tensor, b: Tensor, attrs: Attributes): Tensor | undefined {
  const transA = attrs["transA"] === 1;
  const transB = attrs["transB"] === 1;
  const matrices = a.shape.length === 2 && b.shape.length === 2;
  if (matrices || (!transA && !transB)) return undefined;
  if (b.shape.length === 2 && !transA) {
    const rows = reshape(a, [-1, a.shape.at(-1)!]);
    return reshape(matmul(rows, b, { transB }), [...a.shape.slice(0, -1), b.shape[0]!]);
  }
  return matmul(transA ? swapLastTwo(a) : a, transB ? swapLastTwo(b) : b);
}

/** x - max - log Σ exp(x - max) */
function plainLogSoftmax(x: Tensor): Tensor {
  const below = sub(x, reduceMax(x, [-1], true));
  return sub(below, log(reduceSum(exp(below), [-1], true)));
}

function swapLastTwo(x: Tensor): Tensor {
  const rank = x.shape.length;
  return transpose(
    x,
    x.shape.map((_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i)),
  );
}

function swapped(x: Tensor): Tensor | undefined {
  if (!isNode(x, "Transpose")) return undefined;
  const perm = numbers(x.origin.node.attrs, "perm");
  const rank = perm.length;
  const isSwap =
    rank >= 2 && perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
  return isSwap ? x.origin.node.inputs[0] : undefined;
}
