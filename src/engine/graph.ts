/** A `Graph` is a list of nodes in the order they were made, which is a topological order. */
import { TwainError } from "../core/errors.ts";
import type { Attributes, Gradients, Op } from "./op.ts";
import type { DType, Origin, Tensor, TypedArray } from "./tensor.ts";
import { typedArray } from "./typed-array.ts";

/** Replaces an op's own gradient: `backward(dy)` answers for `inputs` instead of the node's inputs. */
export interface CustomGradient {
  readonly inputs: readonly Tensor[];
  backward(dy: Tensor): Gradients;
  /** True where `inputs` must name everything trainable that the output depends on (checkpoint). */
  readonly closed?: boolean;
}

export interface Node {
  readonly op: Op;
  readonly inputs: readonly Tensor[];
  readonly attrs: Attributes;
  readonly output: Tensor;
  /** 0, or the recomputation that the node belongs to: equal nodes of different scopes stay apart. */
  readonly scope: number;
  readonly custom: CustomGradient | undefined;
}

/** Larger than any hidden size, small enough that products with one stay exact. */
const FREE_PRIMES = [100_003, 100_019, 100_043];

export class Graph {
  readonly nodes: Node[] = [];
  readonly inputs = new Map<string, Tensor>();
  readonly initializers = new Map<string, Tensor>();
  readonly outputs = new Map<string, Tensor>();
  /** Sizes that only a run knows, by the number that stands for each in shapes. */
  readonly freeSizes = new Map<number, string>();
  #nextId = 0;
  #scope = 0;
  #scopes = 0;

  #tensor(dtype: DType, shape: readonly number[], origin: Origin): Tensor {
    if (!shape.every((size) => Number.isInteger(size) && size >= 0)) {
      throw new TwainError(
        "engine/shape",
        `[${shape.join(",")}] is not a shape: sizes are integers from 0`,
      );
    }
    return { graph: this, id: this.#nextId++, dtype, shape: [...shape], origin };
  }

  #claim(name: string): void {
    if (this.inputs.has(name) || this.initializers.has(name)) {
      throw new TwainError(
        "engine/duplicate-name",
        `the graph already has an input or initializer named ${name}`,
      );
    }
  }

  /**
   * A size that may differ from run to run. While the graph is built a large prime stands for it, so that
   * every op's shape rules hold as they are; in the model it is a named dimension. A constant cannot have
   * it, and the target of a reshape only one besides those that stay on their axis.
   */
  freeSize(name: string): number {
    const prime = FREE_PRIMES[this.freeSizes.size];
    if (prime === undefined) throw new Error(`no more than ${FREE_PRIMES.length} free sizes`);
    this.freeSizes.set(prime, name);
    return prime;
  }

  /** A value fed at every run. */
  input(name: string, dtype: DType, shape: readonly number[]): Tensor {
    this.#claim(name);
    const tensor = this.#tensor(dtype, shape, { kind: "input", name });
    this.inputs.set(name, tensor);
    return tensor;
  }

  /** A small value written into the model; a number is a scalar, or fills `shape`. */
  constant(
    data: number | readonly number[] | TypedArray,
    dtype: DType,
    shape?: readonly number[],
  ): Tensor {
    const sizes = shape ?? (typeof data === "number" ? [] : [data.length]);
    const values =
      typeof data === "number"
        ? Array.from<number>({ length: sizes.reduce((a, b) => a * b, 1) }).fill(data)
        : data;
    return this.#tensor(dtype, sizes, { kind: "constant", data: typedArray(dtype, sizes, values) });
  }

  /** A large frozen weight, handed to the runtime as it is: prepacked for decoding, never copied into the model. */
  initializer(name: string, dtype: DType, shape: readonly number[], data: TypedArray): Tensor {
    this.#claim(name);
    const tensor = this.#tensor(dtype, shape, {
      kind: "initializer",
      name,
      data: typedArray(dtype, shape, data),
    });
    this.initializers.set(name, tensor);
    return tensor;
  }

  /** Names a result of the graph. */
  output(name: string, tensor: Tensor): void {
    if (tensor.graph !== this) throw new Error(`output ${name} belongs to another graph`);
    if (this.outputs.has(name)) {
      throw new TwainError(
        "engine/duplicate-name",
        `the graph already has an output named ${name}`,
      );
    }
    this.outputs.set(name, tensor);
  }

  /** Appends a node; ops call it through `applyOp`. */
  add<Inputs extends readonly Tensor[], Attrs extends Attributes>(
    op: Op<Inputs, Attrs>,
    inputs: Inputs,
    attrs: Attrs,
    custom?: CustomGradient,
  ): Tensor {
    for (const input of inputs) {
      if (input.graph !== this) throw new Error(`${op.name}: an input belongs to another graph`);
    }
    const { dtype, shape } = op.infer(inputs, attrs);
    const own = { op: op as Op, inputs, attrs, scope: this.#scope, custom };
    // The node and its output name each other.
    const node: Node = {
      ...own,
      get output(): Tensor {
        return output;
      },
    };
    const output = this.#tensor(dtype, shape, { kind: "node", node });
    this.nodes.push(node);
    return output;
  }

  /** Runs `build` so that the nodes it adds are never merged with equal nodes made elsewhere. */
  recomputing<T>(build: () => T): T {
    return this.within(this.#scopes + 1, build);
  }

  /** Runs `build` so that the nodes it adds belong to `scope`. */
  within<T>(scope: number, build: () => T): T {
    const outer = this.#scope;
    this.#scope = scope;
    this.#scopes = Math.max(this.#scopes, scope);
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }
}
