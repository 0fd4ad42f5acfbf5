/** Reverse-mode differentiation: a graph in, more graph out. No op is known here by name. */
import { TwainError } from "../core/errors.ts";
import type { Graph, Node } from "./graph.ts";
import { add, constantLike } from "./ops/elementwise.ts";
import { identityOp, reshape } from "./ops/layout.ts";
import { after } from "./ops/after.ts";
import { zerosOf } from "./ops/indexing.ts";
import { reduceSum } from "./ops/reduce.ts";
import type { Gradients } from "./op.ts";
import { type Tensor, describe, isFloat, sameShape } from "./tensor.ts";

/** Gradients of a scalar `loss` with respect to `wrt`, in their order; zeros where the loss does not depend on one. */
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length > 0 || !isFloat(loss.dtype)) {
    throw new TwainError(
      "engine/shape",
      `grad needs a float scalar to start from, not ${describe(loss)}`,
    );
  }
  return pullback([loss], [constantLike(loss, 1)], wrt);
}

/** Σ over `outputs` of cotangentᵀ · Jacobian, for each of `wrt`; zeros where there is no path. */
export function pullback(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
): Tensor[] {
  return walkBack(outputs, cotangents, wrt, false).map(
    (gradient, i) => gradient ?? zerosOf(wrt[i]!, wrt[i]!.shape),
  );
}

/** With `stopAtWrt`, none of `wrt` passes its gradient on to another one that it was computed from. */
function walkBack(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
  stopAtWrt: boolean,
): (Tensor | undefined)[] {
  const graph = outputs[0]!.graph;
  const dependent = dependents(graph, wrt);
  const pending = new Map<number, Tensor>();
  const give = (x: Tensor, gradient: Tensor): void => {
    const own = unbroadcast(gradient, x);
    const sum = pending.get(x.id);
    pending.set(x.id, sum ? add(sum, own) : own);
  };
  outputs.forEach((output, i) => give(output, cotangents[i]!));

  const wanted = new Set(wrt.map((x) => x.id));
  // Nodes made by the rules are appended behind this point and are not visited.
  const last = Math.max(...outputs.map((output) => output.id));
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    const { output } = node;
    if (output.id > last || !dependent.has(output.id)) continue;
    const dy = pending.get(output.id);
    if (!dy || (stopAtWrt && wanted.has(output.id))) continue;
    if (!wanted.has(output.id)) pending.delete(output.id);
    if (node.custom?.closed) checkCaptures(node, dependent);
    const inputs = node.custom?.inputs ?? node.inputs;
    if (!inputs.some((x) => dependent.has(x.id))) continue;
    const gradients = gradientsOf(node, dy);
    inputs.forEach((x, k) => {
      const gradient = gradients[k];
      if (gradient && dependent.has(x.id)) give(x, gradient);
    });
  }
  return wrt.map((x) => pending.get(x.id));
}

function gradientsOf(node: Node, dy: Tensor): Gradients {
  if (node.custom) return node.custom.backward(dy);
  return node.op.grad?.(dy, node.inputs, node.output, node.attrs) ?? [];
}

/** Ids of float tensors that depend on one of `wrt`. */
function dependents(graph: Graph, wrt: readonly Tensor[]): Set<number> {
  const found = new Set(wrt.map((x) => x.id));
  for (const { inputs, output, custom } of graph.nodes) {
    if (!isFloat(output.dtype)) continue;
    const through = (x: Tensor): boolean => found.has(x.id);
    // A recomputed block counts as dependent by its insides too, so that what it failed to list is noticed.
    if (
      custom
        ? custom.inputs.some(through) || (custom.closed && inputs.some(through))
        : inputs.some(through)
    ) {
      found.add(output.id);
    }
  }
  return found;
}

/** Throws when a checkpointed block reaches something trainable that is not in its list of inputs. */
function checkCaptures(node: Node, dependent: ReadonlySet<number>): void {
  const listed = new Set(node.custom?.inputs.map((x) => x.id));
  const seen = new Set<number>();
  const stack = [...node.inputs];
  for (let x = stack.pop(); x; x = stack.pop()) {
    if (listed.has(x.id) || seen.has(x.id) || !dependent.has(x.id)) continue;
    seen.add(x.id);
    if (x.origin.kind !== "node") {
      const name = x.origin.kind === "constant" ? "a constant" : x.origin.name;
      throw new TwainError(
        "engine/checkpoint-capture",
        `a checkpointed block uses ${name}, whose gradient is asked for, without listing it`,
        {
          hint: "Pass every trainable tensor of the block in the inputs of checkpoint.",
        },
      );
    }
    stack.push(...(x.origin.node.custom?.inputs ?? x.origin.node.inputs));
  }
}

/** Sums a gradient over the axes that its tensor was broadcast along. */
function unbroadcast(gradient: Tensor, x: Tensor): Tensor {
  if (sameShape(gradient.shape, x.shape)) return gradient;
  const extra = gradient.shape.length - x.shape.length;
  const axes = gradient.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < extra || (x.shape[axis - extra] === 1 && gradient.shape[axis] !== 1));
  return reshape(reduceSum(gradient, axes), x.shape);
}

/** Gives `output` its own gradient: `backward(dy)` answers for each of `inputs`, and nothing else receives any. */
export const withGradient = (
  output: Tensor,
  inputs: readonly Tensor[],
  backward: (dy: Tensor) => Gradients,
  options: { closed?: boolean } = {},
): Tensor => output.graph.add(identityOp, [output], {}, { inputs, backward, ...options });

/** `forward(inputs)` with a hand-written gradient; `backward` gets dy and the output. */
export function customGradient(
  inputs: readonly Tensor[],
  forward: (inputs: readonly Tensor[]) => Tensor,
  backward: (dy: Tensor, output: Tensor) => Gradients,
): Tensor {
  const output = forward(inputs);
  return withGradient(output, inputs, (dy) => backward(dy, output));
}

/**
 * `fn(inputs)`, whose inner values are not kept for the backward pass but computed again there, from
 * `inputs[0]` made to wait for the incoming gradient. Everything trainable that `fn` uses must be in
 * `inputs`, whether `fn` takes it from its argument or captures it; frozen tensors need not be. What
 * `fn` computes without `inputs[0]` (a dequantized weight) is only freed in between if `fn` orders it
 * with `after`.
 */
export function checkpoint(
  inputs: readonly Tensor[],
  fn: (inputs: readonly Tensor[]) => Tensor,
): Tensor {
  const [first, ...rest] = inputs;
  if (!first) throw new Error("checkpoint needs at least one input");
  const backward = (dy: Tensor): Gradients =>
    first.graph.recomputing(() => {
      const late = after(first, dy);
      const output = fn([late, ...rest]);
      // `first` itself as well: a captured one is not late, but its gradient must not be lost.
      const wrt = [...new Set([late, first, ...rest])];
      const [ofLate, ...others] = walkBack([output], [dy], wrt, true);
      const own = new Map(wrt.slice(1).map((x, i) => [x, others[i]]));
      // Each tensor once, also where it is listed twice.
      const take = (x: Tensor): Tensor | undefined => {
        const gradient = own.get(x);
        own.delete(x);
        return gradient;
      };
      const captured = take(first);
      const shares = rest.map(take);
      const toFirst = ofLate && captured ? add(ofLate, captured) : (ofLate ?? captured);
      // The gradient goes on to earlier blocks only when this one is through with its inner values.
      const floats = shares.filter((share) => share !== undefined);
      return [toFirst && after(toFirst, ...floats), ...shares];
    });
  return withGradient(fn(inputs), inputs, backward, { closed: true });
}
