/** A graph as text: one line a node, numbered in order, so that equal graphs print equally. */
import type { Graph } from "./graph.ts";
import type { Attribute } from "./op.ts";
import { type Tensor, describe, sizeOf } from "./tensor.ts";

const attribute = (value: Attribute): string =>
  typeof value === "object"
    ? "float" in value
      ? String(value.float)
      : `[${value.join(",")}]`
    : String(value);

/** The whole graph; nodes that no output needs are shown as well. */
export function print(graph: Graph): string {
  const names = new Map<number, string>();
  let count = 0;
  const nameOf = (x: Tensor): string => {
    const known = names.get(x.id);
    if (known) return known;
    const { origin } = x;
    if (origin.kind === "constant" && sizeOf(x.shape) <= 4) {
      const values = Array.from(origin.data, String).join(",");
      return x.shape.length === 0 ? values : `[${values}]`;
    }
    const name =
      origin.kind === "constant"
        ? describe(x)
        : origin.kind === "node"
          ? `%${count++}`
          : origin.name;
    names.set(x.id, name);
    return name;
  };
  const lines: string[] = [];
  for (const x of graph.inputs.values()) lines.push(`input ${nameOf(x)}: ${describe(x)}`);
  for (const x of graph.initializers.values())
    lines.push(`initializer ${nameOf(x)}: ${describe(x)}`);
  for (const { op, inputs, attrs, output, scope } of graph.nodes) {
    const settings = Object.entries(attrs).map(([key, value]) => ` ${key}=${attribute(value)}`);
    const operands = inputs.map(nameOf).join(", ");
    const again = scope > 0 ? ` again=${scope}` : "";
    lines.push(
      `${nameOf(output)} = ${op.name}(${operands})${settings.join("")}: ${describe(output)}${again}`,
    );
  }
  for (const [name, x] of graph.outputs) lines.push(`output ${name} = ${nameOf(x)}`);
  return `${lines.join("\n")}\n`;
}
