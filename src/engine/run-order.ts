/** The order in which onnxruntime runs the nodes of a graph. */
import type { Graph, Node } from "./graph.ts";

/**
 * The runtime walks back depth-first from the nodes that nothing reads, always to the latest node first
 * (its `GraphViewer`, execution order "default"): a node runs when all that it reads has run.
 */
export function runOrder(graph: Graph): Node[] {
  const index = new Map(graph.nodes.map((node, i) => [node, i]));
  const read = new Set<Node>();
  const sources = graph.nodes.map((node) => {
    const found = new Set<number>();
    for (const { origin } of node.inputs)
      if (origin.kind === "node") {
        found.add(index.get(origin.node)!);
        read.add(origin.node);
      }
    return [...found].toSorted((a, b) => a - b);
  });
  const order: Node[] = [];
  const seen = new Uint8Array(graph.nodes.length);
  // A place in the graph, or its complement when all that the node reads has been run.
  const stack = graph.nodes.flatMap((node, i) => (read.has(node) ? [] : [i]));
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at < 0) order.push(graph.nodes[~at]!);
    else if (seen[at] === 0) {
      seen[at] = 1;
      stack.push(~at);
      for (const source of sources[at]!) if (seen[source] === 0) stack.push(source);
    }
  }
  return order;
}
