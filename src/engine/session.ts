/** Runs graphs. The only file that knows onnxruntime, but for data/onnx-text-model.ts, whose models are not ours. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { TwainError } from "../core/errors.ts";
import { Graph } from "./graph.ts";
import { toModel } from "./onnx/model.ts";
import { noWebGpu } from "./no-webgpu.ts";
import { cast } from "./ops/elementwise.ts";
import { identity } from "./ops/layout.ts";
import { simplify } from "./simplify.ts";
import { type DType, type Tensor, type TensorType, type TypedArray, describe } from "./tensor.ts";
import type { Value } from "./value.ts";

export type Device = "cpu" | "webgpu" | "cuda";

export interface CompileOptions {
  device?: Device;
  /** Threads of one operator; the runtime's choice (physical cores) when left out. */
  threads?: number;
  /** The runtime's own rewriting; off, because for our graphs it measured 9 % slower and larger. */
  optimization?: "disabled" | "basic" | "all";
  /** One block of memory planned for a whole run; off, for it is no faster and its peak is higher. */
  memoryPattern?: boolean;
  /**
   * Whether threads without work wait busily, which starts the next operator sooner. Every program has threads of its
   * own: off for programs that take turns, whose waiting threads would take the cores from the one that runs.
   */
  spinning?: boolean;
}

type Ort = typeof import("onnxruntime-node");

const typesOf = (tensors: ReadonlyMap<string, Tensor>): Map<string, TensorType> =>
  new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));

/** A value in a device's memory; it cannot be read back. */
export interface DeviceValue extends TensorType {
  readonly dtype: DType;
  readonly deviceTensor: OrtTensor;
}

/** What an input of a program is fed. */
export type Feed = Value | DeviceValue;

/** A compiled graph. `release` it when done: the memory is not the garbage collector's. */
export class Program {
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #inputs: ReadonlyMap<string, TensorType>;
  readonly #outputs: ReadonlyMap<string, TensorType>;
  readonly #free: ReadonlyMap<number, string>;
  #released = false;

  constructor(ort: Ort, session: InferenceSession, graph: Graph) {
    this.#ort = ort;
    this.#session = session;
    // Types only: a tensor would keep the graph, and with it the arrays of its initializers.
    this.#inputs = typesOf(graph.inputs);
    this.#outputs = typesOf(graph.outputs);
    this.#free = graph.freeSizes;
  }

  /**
   * One run. What is a `Value` is copied to the device, and so is every result from it. `feeds` must name every
   * input of the graph and nothing else; `fetches` limits the outputs that are returned (all when left out).
   * Throws `engine/feeds`, `engine/run`, `engine/out-of-memory`.
   */
  async run(
    feeds: Readonly<Record<string, Feed>>,
    fetches?: readonly string[],
  ): Promise<Record<string, Value>> {
    if (this.#released) throw new Error("the program was released");
    const names = fetches ?? [...this.#outputs.keys()];
    for (const name of names) {
      if (!this.#outputs.has(name)) throw feedsError(`there is no output ${name}`, this.#outputs);
    }
    const bound = new Map<number, number>();
    const inputs = this.#wrap(feeds, bound);
    try {
      const results = await this.#session.run(
        inputs,
        names.map((name) => `out:${name}`),
      );
      return Object.fromEntries(
        names.map((name) => [name, this.#unwrap(name, results[`out:${name}`], bound)]),
      );
    } catch (error) {
      throw runtimeError("engine/run", "the run failed", error);
    }
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#session.release();
  }

  #wrap(
    feeds: Readonly<Record<string, Feed>>,
    bound: Map<number, number>,
  ): Record<string, OrtTensor> {
    const missing = [...this.#inputs.keys()].filter((name) => !Object.hasOwn(feeds, name));
    const extra = Object.keys(feeds).filter((name) => !this.#inputs.has(name));
    if (missing.length > 0) throw feedsError(`no value for ${missing.join(", ")}`, this.#inputs);
    if (extra.length > 0) throw feedsError(`there is no input ${extra.join(", ")}`, this.#inputs);
    const wrapped: Record<string, OrtTensor> = {};
    for (const [name, input] of this.#inputs) {
      const value = feeds[name]!;
      if (value.dtype !== input.dtype || !this.#fits(value.shape, input.shape, bound)) {
        throw feedsError(`${name} is ${describe(input)}, not ${describe(value)}`, this.#inputs);
      }
      wrapped[`in:${name}`] =
        "deviceTensor" in value
          ? value.deviceTensor
          : new this.#ort.Tensor(value.dtype, value.data, value.shape);
    }
    return wrapped;
  }

  /**
   * Whether sizes are the declared ones. A free size is what `bound` says, and is noted there where it is met
   * for the first time.
   */
  #fits(
    shape: readonly number[],
    declared: readonly number[],
    bound: Map<number, number>,
  ): boolean {
    if (shape.length !== declared.length) return false;
    return declared.every((size, axis) => {
      const found = shape[axis]!;
      if (this.#free.has(size) && !bound.has(size)) bound.set(size, found);
      let [known, factor] = [size, 1];
      for (const free of this.#free.keys())
        for (; known > 0 && known % free === 0; known /= free) factor *= bound.get(free) ?? NaN;
      return found === known * factor;
    });
  }

  #unwrap(name: string, result: OrtTensor | undefined, bound: Map<number, number>): Value {
    const { dtype, shape } = this.#outputs.get(name)!;
    if (!result || result.type !== dtype || !this.#fits(result.dims, shape, bound)) {
      const got = result ? `${result.type}[${result.dims.join(",")}]` : "nothing";
      throw new Error(
        `output ${name} was inferred as ${dtype}[${shape.join(",")}], the runtime returned ${got}`,
      );
    }
    // The runtime's array class follows the element type, which our graph fixed.
    return { dtype, shape: result.dims, data: result.data as TypedArray };
  }
}

/** Simplifies the graph, writes it as a model and loads it. Throws `engine/compile`, `engine/out-of-memory`, `engine/no-webgpu`. */
export async function compile(graph: Graph, options: CompileOptions = {}): Promise<Program> {
  const { device = "cpu", threads, optimization = "disabled" } = options;
  const { memoryPattern = false, spinning = true } = options;
  if (graph.outputs.size === 0) throw new Error("the graph has no outputs");
  const ort = await import("onnxruntime-node");
  const { bytes, externalData, halfNodes } = toModel(
    simplify(graph, { webgpu: device === "webgpu" }),
  );
  try {
    const onCpu = device === "webgpu" && halfNodes.length > 0 && !(await hasHalves(ort));
    const provider = onCpu ? { name: device, forceCpuNodeNames: halfNodes } : device;
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: device === "cpu" ? ["cpu"] : [provider, "cpu"],
      graphOptimizationLevel: optimization,
      enableMemPattern: memoryPattern,
      // Errors are thrown with the same text.
      logSeverityLevel: 4,
      ...(!spinning && { extra: { session: { intra_op: { allow_spinning: "0" } } } }),
      ...(threads !== undefined && { intraOpNumThreads: threads }),
      ...(externalData.length > 0 && { externalData }),
    });
    return new Program(ort, session, graph);
  } catch (error) {
    throw runtimeError(
      "engine/compile",
      `cannot load a graph of ${graph.nodes.length} nodes on ${device}`,
      error,
    );
  }
}

/** Whether WebGPU's adapter computes with half floats; the runtime gives it such nodes all the same, and fails. */
async function hasHalves(ort: Ort): Promise<boolean> {
  const graph = new Graph();
  graph.output("y", cast(graph.input("x", "float16", [1]), "float32"));
  const session = await ort.InferenceSession.create(toModel(graph).bytes, {
    executionProviders: ["webgpu"],
    logSeverityLevel: 4,
  });
  try {
    await session.run({ "in:x": new ort.Tensor("float16", new Uint16Array(1), [1]) });
    return true;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}

/** What the device computes with. Other types are converted by the CPU first, and the binding keeps not all of them. */
const RESIDENT: ReadonlySet<DType> = new Set(["float32", "float16", "int32"]);

/**
 * Values kept in a device's memory for as many runs as feed them: weights that never change are copied once.
 * `release` them after the programs that read them.
 */
export class Resident {
  readonly values: Readonly<Record<string, Feed>>;
  /** What made the buffers; the device may be given back when its last session is. */
  readonly #sessions: readonly InferenceSession[];

  constructor(values: Record<string, Feed>, sessions: readonly InferenceSession[]) {
    this.values = values;
    this.#sessions = sessions;
  }

  async release(): Promise<void> {
    for (const value of Object.values(this.values))
      if ("deviceTensor" in value) value.deviceTensor.dispose();
    for (const session of this.#sessions) await session.release();
  }
}

/** Copies values to the device's memory; those of a type that cannot stay there are handed through. Throws `engine/no-webgpu`, `engine/out-of-memory`, `engine/run`. */
export async function upload(
  values: Readonly<Record<string, Value>>,
  device: "webgpu",
): Promise<Resident> {
  const ort = await import("onnxruntime-node");
  const sessions = new Map<string, InferenceSession>();
  const uploaded: Record<string, Feed> = {};
  try {
    for (const [name, value] of Object.entries(values)) {
      const { dtype, shape, data } = value;
      if (!RESIDENT.has(dtype)) {
        uploaded[name] = value;
        continue;
      }
      const key = describe({ dtype, shape });
      const session = sessions.get(key) ?? (await copier(ort, { dtype, shape }, device));
      sessions.set(key, session);
      const results = await session.run({ "in:x": new ort.Tensor(dtype, data, shape) });
      uploaded[name] = { dtype, shape, deviceTensor: results["out:x"]! };
    }
  } catch (error) {
    await new Resident(uploaded, [...sessions.values()]).release();
    throw runtimeError("engine/run", `cannot copy weights to ${device}`, error);
  }
  return new Resident(uploaded, [...sessions.values()]);
}

/** A session whose result stays on the device. */
function copier(ort: Ort, { dtype, shape }: TensorType, device: Device): Promise<InferenceSession> {
  const graph = new Graph();
  graph.output("x", identity(graph.input("x", dtype, shape)));
  return ort.InferenceSession.create(toModel(graph).bytes, {
    executionProviders: [device, "cpu"],
    graphOptimizationLevel: "disabled",
    preferredOutputLocation: "gpu-buffer",
    logSeverityLevel: 4,
  });
}

const feedsError = (problem: string, known: ReadonlyMap<string, TensorType>): TwainError =>
  new TwainError("engine/feeds", problem, {
    hint: `The graph has: ${[...known.keys()].join(", ")}.`,
  });

const OUT_OF_MEMORY = /failed to allocate|bad_alloc|out of memory|bad allocation|enough memory/i;

function runtimeError(
  code: "engine/run" | "engine/compile",
  what: string,
  cause: unknown,
): TwainError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (OUT_OF_MEMORY.test(message)) {
    return new TwainError("engine/out-of-memory", `${what}: ${message}`, {
      hint: "Use a smaller batch or context, or recompute layers (checkpointing).",
      cause,
    });
  }
  const adapter = /Failed to get a WebGPU adapter.*/.exec(message)?.[0];
  if (adapter !== undefined) return noWebGpu(adapter, cause);
  // The runtime's message names the node, and a node's name starts with its operator.
  return new TwainError(code, `${what}: ${message}`, { cause });
}
