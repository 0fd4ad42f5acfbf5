/**
 * What one run of a graph takes from the runtime's arena and gives back, in order. onnxruntime decides this when a
 * graph is loaded, from shapes alone (its `PlannerImpl`); the same decisions are made here without it.
 */
import type { Graph } from "./graph.ts";
import { runOrder } from "./run-order.ts";
import { type Tensor, byteSizeOf, sameShape, widthOf } from "./tensor.ts";

/** One buffer is taken, or given back. */
export type MemoryStep =
  | { readonly take: number; readonly bytes: number }
  | { readonly give: number };

/** The result is the first operand's bytes. */
const ALIASES: ReadonlySet<string> = new Set(["Reshape", "ReshapeTo"]);

/** CPU kernels that write over their first operand where nothing else reads it; found by running each alone. */
const IN_PLACE: ReadonlySet<string> = new Set([
  "Sigmoid",
  "Tanh",
  "Cast",
  "Softmax",
  "LogSoftmax",
  "ScatterElementsAdd",
  "Identity",
  "StopGradient",
]);

/** Whether the runtime can tell a value's shape before it runs: that of `ReshapeTo` is computed, and what follows from it. */
function staticShapes(graph: Graph): (x: Tensor) => boolean {
  const unknown = new Set<number>();
  for (const { op, inputs, output } of graph.nodes) {
    if (op.name === "ReshapeTo" || (op.name !== "Reshape" && inputs.some((x) => unknown.has(x.id))))
      unknown.add(output.id);
  }
  return (x) => !unknown.has(x.id);
}

/**
 * A buffer whose last reader is done is used again for the next value of the same shape and width, the one that
 * was freed last first. It counts as taken from its first use to its last, also in between. The graph's outputs
 * are not given back.
 */
export function memoryPlan(graph: Graph): MemoryStep[] {
  const order = runOrder(graph);
  const isStatic = staticShapes(graph);
  const outputs = new Set([...graph.outputs.values()].map((x) => x.id));

  const readers = new Map<number, number>();
  for (const { inputs } of order)
    for (const { id } of inputs) readers.set(id, (readers.get(id) ?? 0) + 1);

  /** A buffer is named by the value it was taken for; inputs and constants have none. */
  const bufferOf = new Map<number, number>();
  const left = new Map<number, number>();
  const lastRead = new Map<number, number>();
  const takes: { at: number; x: Tensor }[] = [];
  let free: Tensor[] = [];
  const owner = new Map<number, Tensor>();

  order.forEach(({ op, inputs, output }, at) => {
    const [first] = inputs;
    const source = first && bufferOf.get(first.id);
    const uses = readers.get(output.id) ?? 0;
    const put = (buffer: number): void => {
      bufferOf.set(output.id, buffer);
      left.set(buffer, (left.get(buffer) ?? 0) + uses);
    };
    const inPlace =
      IN_PLACE.has(op.name) &&
      first !== undefined &&
      widthOf(first.dtype) === widthOf(output.dtype) &&
      sameShape(first.shape, output.shape) &&
      isStatic(first) &&
      isStatic(output);
    if (outputs.has(output.id)) takes.push({ at, x: output });
    else if (ALIASES.has(op.name)) {
      if (source !== undefined) put(source);
    } else if (inPlace && source !== undefined && left.get(source) === 1) put(source);
    else {
      const again =
        isStatic(output) && output.shape.length > 0
          ? free.findLast(
              (x) => widthOf(x.dtype) === widthOf(output.dtype) && sameShape(x.shape, output.shape),
            )
          : undefined;
      if (again) {
        free = free.filter((x) => x !== again);
        put(again.id);
      } else {
        takes.push({ at, x: output });
        owner.set(output.id, output);
        put(output.id);
      }
    }
    for (const { id } of inputs) {
      const buffer = bufferOf.get(id);
      if (buffer === undefined) continue;
      lastRead.set(buffer, at);
      const rest = left.get(buffer)! - 1;
      left.set(buffer, rest);
      const freed = owner.get(buffer);
      if (rest === 0 && freed && isStatic(freed)) free.push(freed);
    }
  });

  const gives = order.map((): number[] => []);
  for (const [buffer, at] of lastRead) gives[at]!.push(buffer);
  const steps: MemoryStep[] = [];
  let next = 0;
  order.forEach((_, at) => {
    for (; takes[next]?.at === at; next++)
      steps.push({ take: takes[next]!.x.id, bytes: byteSizeOf(takes[next]!.x) });
    for (const give of gives[at]!) steps.push({ give });
  });
  return steps;
}
