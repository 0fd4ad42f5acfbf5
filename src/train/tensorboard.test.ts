import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { crc32c, maskedCrc, openTensorboard } from "./tensorboard.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-tensorboard-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** The records of a file; throws where a checksum or a length is wrong. */
function records(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc(data));
    found.push(data);
    at += 16 + length;
  }
  return found;
}

/** A protobuf message as field numbers with their values; enough of the format for events. */
function fields(bytes: Buffer): [field: number, value: number | Buffer][] {
  const found: [number, number | Buffer][] = [];
  let at = 0;
  const varint = (): number => {
    for (let value = 0, shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wire = key & 7;
    if (wire === 0) found.push([key >> 3, varint()]);
    else if (wire === 1) found.push([key >> 3, bytes.readDoubleLE((at += 8) - 8)]);
    else if (wire === 5) found.push([key >> 3, bytes.readFloatLE((at += 4) - 4)]);
    else {
      const length = varint();
      found.push([key >> 3, bytes.subarray(at, (at += length))]);
    }
  }
  return found;
}

test("the checksum is CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
});

test("a file is a version, a session and the scalars, each in a record that checks", async () => {
  const before = Date.now() / 1000;
  const tracker = await openTensorboard(folder, 20);
  await tracker.log(21, { "train/loss": 1.5, "train/learningRate": 0.25 });
  await tracker.log(300, { "valid/loss": 0.75 });
  await tracker.close("finished");
  const [name] = await readdir(folder);
  expect(name).toMatch(/tfevents/);
  const [version, session, first, second, ...rest] = records(
    await readFile(join(folder, name!)),
  ).map((data) => Object.fromEntries(fields(data)));
  expect(rest).toEqual([]);
  expect(String(version![3])).toBe("brain.Event:2");
  expect(session![2]).toBe(21);
  expect(fields(session![7] as Buffer)).toEqual([[1, 1]]);
  expect(first![1]).toBeGreaterThanOrEqual(before);
  expect(first![2]).toBe(21);
  const scalars = (event: typeof first): [string, unknown][] =>
    fields(event![5] as Buffer).map(([, value]) => {
      const read = Object.fromEntries(fields(value as Buffer));
      return [String(read[1]), read[2]];
    });
  expect(scalars(first)).toEqual([
    ["train/loss", 1.5],
    ["train/learningRate", 0.25],
  ]);
  expect(second![2]).toBe(300);
  expect(scalars(second)).toEqual([["valid/loss", 0.75]]);
});
