import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fromHalf } from "../engine/index.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-safetensors-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A file by hand: header object and data bytes. */
async function write(header: unknown, data: Uint8Array, length?: number): Promise<string> {
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(length ?? text.length));
  const path = join(folder, "x.safetensors");
  await writeFile(path, Buffer.concat([head, text, data]));
  return path;
}

test("what is written is read, bit for bit, in order", async () => {
  const path = join(folder, "a.safetensors");
  const odd = Float32Array.of(1.5, -0, Number.MIN_VALUE, 3e38, 0.1, 7);
  const tensors = new Map([
    ["second.weight", { shape: [2, 3], data: odd }],
    ["first", { shape: [], data: Float32Array.of(4) }],
    ["nothing", { shape: [0], data: new Float32Array() }],
  ]);
  await writeSafetensors(path, tensors, { format: "pt" });
  const read = await readSafetensors(path);
  expect([...read.tensors.keys()]).toEqual([...tensors.keys()]);
  for (const [name, { shape, data }] of tensors) {
    expect(read.tensors.get(name)!.shape).toEqual(shape);
    expect(new Uint32Array(read.tensors.get(name)!.data.buffer)).toEqual(
      new Uint32Array(Float32Array.from(data).buffer),
    );
  }
  expect(read.metadata).toEqual({ format: "pt" });
  // Readers that map the file need the data to start at a multiple of eight.
  expect((8 + Number((await readFile(path)).readBigUInt64LE())) % 8).toBe(0);
});

test("half and brain floats become the numbers that they stand for", async () => {
  const path = await write(
    {
      half: { dtype: "F16", shape: [5], data_offsets: [0, 10] },
      brain: { dtype: "BF16", shape: [2], data_offsets: [10, 14] },
    },
    new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x3f80, 0xc049).buffer),
  );
  const { tensors } = await readSafetensors(path);
  expect([...tensors.get("half")!.data]).toEqual([
    1,
    -2,
    2 ** -24,
    65504,
    Number.POSITIVE_INFINITY,
  ]);
  expect([...tensors.get("brain")!.data]).toEqual([1, -3.140625]);
});

test("every half is the same number in a small tensor and in a large one", async () => {
  const all = Uint16Array.from({ length: 1 << 16 }, (_, half) => half);
  const large = Uint16Array.from({ length: 5 << 16 }, (_, i) => i & 0xffff);
  const [a, b] = [all.byteLength, large.byteLength];
  const path = await write(
    {
      small: { dtype: "F16", shape: [all.length], data_offsets: [0, a] },
      large: { dtype: "F16", shape: [large.length], data_offsets: [a, a + b] },
    },
    Buffer.concat([new Uint8Array(all.buffer), new Uint8Array(large.buffer)]),
  );
  const { tensors } = await readSafetensors(path);
  const want = Float32Array.from(all, fromHalf);
  expect(tensors.get("small")!.data).toEqual(want);
  expect(tensors.get("large")!.data.subarray(4 << 16)).toEqual(want);
});

describe("a damaged file is named, not trusted", () => {
  const entry = { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } };
  const cases: [string, () => Promise<string>][] = [
    ["cut short", () => write(entry, new Uint8Array(5))],
    ["a header longer than the file", () => write(entry, new Uint8Array(8), 2 ** 40)],
    [
      "offsets that do not fit the shape",
      () => write({ a: { dtype: "F32", shape: [3], data_offsets: [0, 8] } }, new Uint8Array(8)),
    ],
    [
      "a negative size",
      () => write({ a: { dtype: "F32", shape: [-2], data_offsets: [0, 8] } }, new Uint8Array(8)),
    ],
    [
      "an unknown type",
      () => write({ a: { dtype: "F99", shape: [2], data_offsets: [0, 8] } }, new Uint8Array(8)),
    ],
    [
      "tensors that overlap",
      () =>
        write(
          { ...entry, b: { dtype: "F32", shape: [2], data_offsets: [4, 12] } },
          new Uint8Array(12),
        ),
    ],
    ["two tensors in one place", () => write({ ...entry, b: { ...entry.a } }, new Uint8Array(8))],
    [
      "a gap between tensors",
      () =>
        write(
          { ...entry, b: { dtype: "F32", shape: [1], data_offsets: [12, 16] } },
          new Uint8Array(16),
        ),
    ],
    ["bytes of no tensor", () => write(entry, new Uint8Array(12))],
    [
      "offsets outside the file",
      () =>
        write(
          { a: { dtype: "F32", shape: [2 ** 50], data_offsets: [0, 2 ** 52] } },
          new Uint8Array(8),
        ),
    ],
    [
      "sizes whose product is beyond numbers",
      () =>
        write(
          { a: { dtype: "F32", shape: [2 ** 52, 2 ** 52], data_offsets: [0, 8] } },
          new Uint8Array(8),
        ),
    ],
    [
      "metadata that is no text",
      () => write({ __metadata__: { a: 1 }, ...entry }, new Uint8Array(8)),
    ],
    ["a header of 200 MiB that the file has not", () => write(entry, new Uint8Array(8), 200 << 20)],
    ["a header that is a list", () => write([1, 2], new Uint8Array(8))],
    [
      "four bytes",
      async () => {
        const path = join(folder, "tiny");
        await writeFile(path, "abcd");
        return path;
      },
    ],
  ];
  test.each(cases)("%s", async (_name, make) => {
    const path = await make();
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: "model/bad-safetensors",
      message: expect.stringContaining(path),
      hint: expect.any(String),
    });
  });
});
