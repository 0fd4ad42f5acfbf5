import { describe, expect, test } from "vitest";
import { Graph } from "../graph.ts";
import { add, cast, scale } from "../ops/elementwise.ts";
import { matmul } from "../ops/matmul.ts";
import { reduceSum } from "../ops/reduce.ts";
import { toModel } from "./model.ts";
import { Message } from "./protobuf.ts";

type Field = number | bigint | Uint8Array;
type Fields = Map<number, Field[]>;

/** Reads one message back: varints as bigint, fixed32 as a float, the rest as bytes. */
function readMessage(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const values = fields.get(key >> 3) ?? [];
    fields.set(key >> 3, values);
    if ((key & 7) === 0) values.push(varint());
    else if ((key & 7) === 5) {
      values.push(view.getFloat32(at, true));
      at += 4;
    } else if ((key & 7) === 2) {
      const length = Number(varint());
      values.push(bytes.subarray(at, (at += length)));
    } else throw new Error(`wire type ${key & 7}`);
  }
  return fields;
}

const bytesAt = (fields: Fields, field: number): Uint8Array[] =>
  (fields.get(field) ?? []).filter((value) => value instanceof Uint8Array);
const messages = (fields: Fields, field: number): Fields[] =>
  bytesAt(fields, field).map(readMessage);
const texts = (fields: Fields, field: number): string[] =>
  bytesAt(fields, field).map((bytes) => new TextDecoder().decode(bytes));
const integers = (fields: Fields, field: number): number[] =>
  (fields.get(field) ?? []).map((value) => Number(value));

describe("protobuf", () => {
  test("every kind of field reads back", () => {
    const inner = new Message().string(1, "Grüße").integer(2, 300);
    const bytes = new Message()
      .integer(1, -2)
      .integer(1, 2 ** 40)
      .float(2, 0.5)
      .bytes(3, new Uint8Array(200).fill(9))
      .message(1000, inner)
      .message(1000, new Message())
      .finish();
    const fields = readMessage(bytes);
    expect(fields.get(1)).toEqual([2n ** 64n - 2n, 2n ** 40n]);
    expect(fields.get(2)).toEqual([0.5]);
    expect(bytesAt(fields, 3)[0]).toEqual(new Uint8Array(200).fill(9));
    const [first, second] = messages(fields, 1000);
    expect([texts(first!, 1), integers(first!, 2), second!.size]).toEqual([["Grüße"], [300], 0]);
  });
});

describe("a model", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 3]);
  const weight = new Float32Array(6).fill(0.5);
  const w = graph.initializer("w", "float32", [2, 3], weight);
  const y = reduceSum(scale(matmul(x, w, { transB: true }), 2), [1]);
  graph.output("y", y);
  graph.output("half", cast(add(y, graph.constant([1, 2], "float32")), "float16"));
  const { bytes, externalData } = toModel(graph);
  const model = readMessage(bytes);
  const [main] = messages(model, 7);

  test("declares its versions", () => {
    expect(integers(model, 1)).toEqual([10]);
    expect(messages(model, 8).map((set) => [texts(set, 1), integers(set, 2)])).toEqual([
      [[""], [21]],
      [["com.microsoft"], [1]],
    ]);
  });

  test("writes nodes in order, with attributes and vectors as ONNX wants them", () => {
    const nodes = messages(main!, 1).map((node) => ({
      type: texts(node, 4)[0],
      inputs: texts(node, 1).length,
      attributes: messages(node, 5).map((a) => [
        texts(a, 1)[0],
        integers(a, 3)[0],
        integers(a, 20)[0],
      ]),
    }));
    expect(nodes).toEqual([
      {
        type: "Gemm",
        inputs: 2,
        attributes: [
          ["transA", 0, 2],
          ["transB", 1, 2],
        ],
      },
      { type: "Mul", inputs: 2, attributes: [] },
      {
        type: "ReduceSum",
        inputs: 2,
        attributes: [
          ["keepdims", 0, 2],
          ["noop_with_empty_axes", 1, 2],
        ],
      },
      { type: "Add", inputs: 2, attributes: [] },
      { type: "Cast", inputs: 1, attributes: [["to", 10, 2]] },
    ]);
    // Every operand is a declared name.
    const named = new Set([
      ...messages(main!, 5).flatMap((t) => texts(t, 8)),
      ...messages(main!, 11).flatMap((t) => texts(t, 1)),
    ]);
    for (const node of messages(main!, 1)) {
      for (const input of texts(node, 1)) expect(named).toContain(input);
      for (const output of texts(node, 2)) named.add(output);
    }
  });

  test("declares inputs and outputs with static shapes", () => {
    const declared = (field: number) =>
      messages(main!, field).map((info) => {
        const [type] = messages(messages(info, 2)[0]!, 1);
        const sizes = messages(messages(type!, 2)[0]!, 1).flatMap((size) => integers(size, 1));
        return [texts(info, 1)[0], integers(type!, 1)[0], sizes];
      });
    expect(declared(11)).toEqual([["in:x", 1, [2, 3]]]);
    expect(declared(12)).toEqual([
      ["out:y", 1, [2]],
      ["out:half", 10, [2]],
    ]);
  });

  test("keeps large weights outside, by reference", () => {
    const tensors = messages(main!, 5);
    const external = tensors.filter((tensor) => integers(tensor, 14)[0] === 1);
    expect(external.map((tensor) => [texts(tensor, 8)[0], bytesAt(tensor, 9).length])).toEqual([
      ["w:w", 0],
    ]);
    const entries = Object.fromEntries(
      messages(external[0]!, 13).map((entry) => [texts(entry, 1)[0], texts(entry, 2)[0]]),
    );
    expect(entries).toEqual({ location: externalData[0]!.path, offset: "0", length: "24" });
    expect(externalData[0]!.data.buffer).toBe(weight.buffer);
  });
});
