/** How much memory the runtime will hold for a graph, without loading it. */
import { createArena, replay } from "./arena.ts";
import type { Graph } from "./graph.ts";
import { memoryPlan } from "./memory-plan.ts";
import { type Tensor, byteSizeOf } from "./tensor.ts";

export interface RunMemory {
  /** Bytes of the arena that are written to; it gives none back before the program is released. */
  readonly arena: number;
  /** Bytes of what the caller feeds. */
  readonly inputs: number;
  /** Bytes of constants and of the parsed model. */
  readonly session: number;
}

/** Of a node and its kernel in the runtime. */
const NODE_BYTES = 8_000;

/** Of a graph as it is run, that is simplified. The results of one run are still referred to while the next runs. */
export function runMemory(graph: Graph): RunMemory {
  const constants = new Map<number, number>();
  for (const { inputs } of graph.nodes)
    for (const x of inputs) if (x.origin.kind === "constant") constants.set(x.id, byteSizeOf(x));
  const steps = memoryPlan(graph);
  const arena = createArena();
  replay(arena, steps);
  // The second time under other names, for the results of the first lie there.
  const again = (id: number): number => -1 - id;
  replay(
    arena,
    steps.map((step) =>
      "take" in step ? { take: again(step.take), bytes: step.bytes } : { give: again(step.give) },
    ),
  );
  const bytes = (values: Iterable<Tensor>): number =>
    [...values].reduce((sum, x) => sum + byteSizeOf(x), 0);
  return {
    arena: arena.touched(),
    inputs: bytes(graph.inputs.values()),
    // The model as it was parsed, and what the runtime made of it.
    session:
      2 * [...constants.values()].reduce((a, b) => a + b, 0) + NODE_BYTES * graph.nodes.length,
  };
}
