import { describe, expect, it } from "vitest";
import { createArena, replay } from "./arena.ts";
import { Graph, add, checkpoint, grad, matmul, neg, reduceSum, reshape, sigmoid } from "./index.ts";
import { memoryPlan } from "./memory-plan.ts";
import { runMemory } from "./run-memory.ts";
import { runOrder } from "./run-order.ts";
import { simplify } from "./simplify.ts";

const KB = 1024;

/** Bytes held after each take, by hand-made bookkeeping. */
function held(graph: Graph): number[] {
  const sizes = new Map<number, number>();
  let now = 0;
  const after: number[] = [];
  for (const step of memoryPlan(graph)) {
    if ("take" in step) {
      sizes.set(step.take, step.bytes);
      after.push((now += step.bytes));
    } else now -= sizes.get(step.give)!;
  }
  return after;
}

describe("memoryPlan", () => {
  it("counts a small graph as one counts it by hand", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [256]); // fed: not the arena's
    const a = neg(x); // 1 kB
    const b = neg(a); // 2 kB: a is read
    const c = neg(b); // a's buffer again
    const d = add(c, x); // b's buffer again
    graph.output("y", reduceSum(d, [0], true)); // 4 bytes more; c is still there until d is computed
    expect(held(graph)).toEqual([KB, 2 * KB, KB + 4]);
  });

  it("gives what two nodes read back after the second", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [256]);
    const a = neg(x);
    const b = neg(a);
    graph.output("y", add(a, b));
    expect(held(graph)).toEqual([KB, 2 * KB, 3 * KB]);
  });

  it("puts a sigmoid and a reshape where their operand lies", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [16, 16]);
    graph.output("y", neg(reshape(sigmoid(neg(x)), [256])));
    expect(held(graph)).toEqual([KB, 2 * KB]);
  });

  it("does not overwrite what is read again", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [256]);
    const a = neg(x);
    graph.output("y", add(sigmoid(a), a));
    expect(held(graph)).toEqual([KB, 2 * KB, 3 * KB]);
  });
});

describe("runOrder", () => {
  it("runs every node once, after what it reads", () => {
    const { graph } = chain(4, true);
    const order = runOrder(graph);
    expect(new Set(order).size).toBe(graph.nodes.length);
    const done = new Set<number>();
    for (const { inputs, output } of order) {
      for (const { origin, id } of inputs) if (origin.kind === "node") expect(done).toContain(id);
      done.add(output.id);
    }
  });
});

describe("the arena", () => {
  it("uses a hole again, and joins neighbours", () => {
    const arena = createArena();
    arena.take(1, 100 * KB);
    arena.take(2, 100 * KB);
    arena.take(3, 100 * KB);
    expect(arena.touched()).toBe(300 * KB);
    arena.give(1);
    arena.give(2);
    arena.take(4, 150 * KB);
    expect(arena.touched()).toBe(300 * KB);
    arena.take(5, 100 * KB);
    expect(arena.touched()).toBe(400 * KB);
  });

  it("reserves more than it touches: what a second region has left is not counted", () => {
    const arena = createArena();
    arena.take(1, 900 * KB);
    arena.take(2, 900 * KB);
    expect(arena.touched()).toBe(1800 * KB);
  });

  it("ends where it began when all is given back", () => {
    const arena = createArena();
    replay(arena, [{ take: 1, bytes: 5000 }, { take: 2, bytes: 7000 }, { give: 1 }, { give: 2 }]);
    const before = arena.touched();
    arena.take(3, 12_000);
    expect(arena.touched()).toBe(before);
  });
});

/** Layers of products with a squashing in between, and the gradient of their weights. */
function chain(layers: number, recompute: boolean, rows = 64): { graph: Graph } {
  const graph = new Graph();
  const size = 32;
  let x = graph.input("x", "float32", [rows, size]);
  const weights = Array.from({ length: layers }, (_, i) =>
    graph.input(`w${i}`, "float32", [size, size]),
  );
  for (const w of weights) {
    const layer = (input: typeof x): typeof x =>
      sigmoid(matmul(sigmoid(matmul(sigmoid(matmul(input, w)), w)), w));
    x = recompute ? checkpoint([x, w], ([input]) => layer(input!)) : layer(x);
  }
  grad(reduceSum(x), weights).forEach((gradient, i) => graph.output(`d${i}`, gradient));
  return { graph: simplify(graph) };
}

describe("runMemory", () => {
  it("grows with the batch and the depth", () => {
    const of = (layers: number, rows: number): number =>
      runMemory(chain(layers, false, rows).graph).arena;
    expect(of(4, 128)).toBeGreaterThan(1.5 * of(4, 64));
    expect(of(8, 64)).toBeGreaterThan(1.5 * of(4, 64));
  });

  it("is smaller where layers are recomputed", () => {
    const [kept, recomputed] = [false, true].map(
      (recompute) => runMemory(chain(12, recompute, 256).graph).arena,
    );
    expect(recomputed).toBeLessThan(0.6 * kept!);
  });
});
