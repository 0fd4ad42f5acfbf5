/** How long an optimizer step will take on this machine: its work over rates that are measured for a moment. */
import {
  Graph,
  type GraphWork,
  type Product,
  add,
  compile,
  flopsOf,
  matmul,
  value,
} from "../engine/index.ts";
import type { TrainingCost } from "./training-cost.ts";

export interface StepSeconds {
  readonly likely: number;
  /** Small kernels, the allocator and other processes make a step differ from the sum of its parts. */
  readonly low: number;
  readonly high: number;
}

/** What this machine does, measured while nothing else of this process runs. */
export interface MachineRates {
  /** Floating-point operations a second of one product. */
  product(product: Product): Promise<number>;
  /** Bytes a second that an elementwise operation reads and writes. */
  readonly traffic: number;
}

/** Products that make up this share of the operations are measured in their own shape; the rest is taken to be like them. */
const MEASURED_SHARE = 0.8;
const MOST_MEASURED = 4;
/** Larger ones are measured with fewer rows, which hardly changes their rate. */
const MOST_ROWS = 512;
const MOST_ELEMENTS = 1 << 24;
/** Milliseconds that a rate is measured for. */
const MOMENT = 50;
const LEAST_RUNS = 3;
/** Seconds that the runtime spends on a node besides its work. */
const NODE_SECONDS = 8e-6;
/** How far a step may lie from the estimate, as multiples of it. */
const RANGE = { low: 0.6, high: 2 };

/** Seconds of a run, on average over a moment: what else the machine does slows a training step too. */
async function typical(graph: Graph): Promise<number> {
  const program = await compile(graph);
  try {
    const feeds = Object.fromEntries(
      [...graph.inputs].map(([name, { shape }]) => {
        const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5);
        return [name, value("float32", shape, data)];
      }),
    );
    await program.run(feeds);
    const started = performance.now();
    let runs = 0;
    while (runs < LEAST_RUNS || performance.now() - started < MOMENT) {
      await program.run(feeds);
      runs++;
    }
    return (performance.now() - started) / 1000 / runs;
  } finally {
    await program.release();
  }
}

async function productRate(product: Product): Promise<number> {
  const { batch, inner, columns } = product;
  const rows = Math.min(product.rows, MOST_ROWS);
  const graph = new Graph();
  const lead = batch > 1 ? [batch] : [];
  if (batch * inner * Math.max(rows, columns) > MOST_ELEMENTS)
    return productRate({ batch: 1, rows: 512, inner: 2048, columns: 2048, count: 1 });
  graph.output(
    "c",
    matmul(
      graph.input("a", "float32", [...lead, rows, inner]),
      graph.input("b", "float32", [...lead, inner, columns]),
    ),
  );
  return flopsOf({ ...product, rows }) / (await typical(graph));
}

/** Of the CPU; takes a fraction of a second. */
export async function measureRates(): Promise<MachineRates> {
  const graph = new Graph();
  const shape = [1 << 20];
  graph.output("c", add(graph.input("a", "float32", shape), graph.input("b", "float32", shape)));
  const traffic = (12 * shape[0]!) / (await typical(graph));
  const known = new Map<string, Promise<number>>();
  return {
    traffic,
    product(product) {
      const key = [product.batch, product.rows, product.inner, product.columns].join();
      const found = known.get(key) ?? productRate(product);
      known.set(key, found);
      return found;
    },
  };
}

/** Seconds of one run. */
async function runSeconds(
  { products, traffic, nodes }: GraphWork,
  rates: MachineRates,
): Promise<number> {
  const total = products.reduce((sum, product) => sum + product.count * flopsOf(product), 0);
  const order = products.toSorted((a, b) => b.count * flopsOf(b) - a.count * flopsOf(a));
  let measured = 0;
  let seconds = 0;
  for (const product of order.slice(0, MOST_MEASURED)) {
    if (measured > MEASURED_SHARE * total) break;
    const flops = product.count * flopsOf(product);
    measured += flops;
    seconds += flops / (await rates.product(product));
  }
  const all = measured > 0 ? (seconds * total) / measured : 0;
  return all + traffic / rates.traffic + nodes * NODE_SECONDS;
}

/** Of one optimizer step, with its range. */
export async function stepSeconds(
  { work }: Pick<TrainingCost, "work">,
  rates: MachineRates,
): Promise<StepSeconds> {
  let likely = 0;
  for (const { work: graph, times } of work) likely += times * (await runSeconds(graph, rates));
  return { likely, low: RANGE.low * likely, high: RANGE.high * likely };
}
