/**
 * The safetensors format: u64 little-endian header length, a JSON header, then raw little-endian
 * data. https://github.com/huggingface/safetensors (format section of its README).
 */
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { fromHalf } from "../engine/index.ts";

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100 << 20;
/** Node reads less than 2 GiB at once; a large embedding in float32 is more. */
const MAX_READ_BYTES = 1 << 30;
const BYTES = { F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, I8: 1, BOOL: 1, F64: 8 } as const;
type StoredType = keyof typeof BYTES;

const Entry = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()).max(16),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

export interface StoredTensor {
  shape: readonly number[];
  /** Converted to float32 from F32, F16 or BF16. */
  data: Float32Array;
}

export interface SafetensorsFile {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, string>;
}

const bad = (path: string, what: string, cause?: unknown): TwainError =>
  new TwainError("model/bad-safetensors", `${path}: ${what}`, {
    hint: "The file is damaged or not safetensors: fetch or write it again.",
    cause,
  });

/** `bytes` is a whole buffer of its own, so it is aligned. */
function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: StoredType): Float32Array {
  const own = bytes.buffer;
  if (dtype === "F32") return new Float32Array(own);
  const halves = new Uint16Array(own);
  const out = new Float32Array(halves.length);
  if (dtype === "BF16") {
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  } else {
    // There are only 65,536 halves: a large tensor looks them up.
    const table =
      halves.length > 1 << 18
        ? Float32Array.from({ length: 1 << 16 }, (_, half) => fromHalf(half))
        : undefined;
    for (let i = 0; i < halves.length; i++)
      out[i] = table ? table[halves[i]!]! : fromHalf(halves[i]!);
  }
  return out;
}

async function readBytes(
  file: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const most = Math.min(length - done, MAX_READ_BYTES);
    const { bytesRead } = await file.read(buffer, done, most, position + done);
    if (bytesRead === 0)
      throw bad(path, `ends at byte ${position + done}, ${length - done} bytes short`);
    done += bytesRead;
  }
  return buffer;
}

/** Throws unless the tensors fill the data section without gap or overlap, as the format demands. */
function checkLayout(
  path: string,
  entries: readonly (readonly [name: string, { data_offsets: readonly [number, number] }])[],
  dataBytes: number,
): void {
  const spans = entries
    .map(([name, { data_offsets }]) => ({ name, from: data_offsets[0], to: data_offsets[1] }))
    .toSorted((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of spans) {
    if (from !== end)
      throw bad(
        path,
        `tensor ${name} begins at byte ${from} of the data, the tensors before it end at ${end}`,
      );
    end = to;
  }
  if (end > dataBytes)
    throw bad(path, `cut short: the tensors need ${end} bytes, ${dataBytes} follow the header`);
  if (end < dataBytes) throw bad(path, `${dataBytes - end} bytes belong to no tensor`);
}

/** Reads a whole file. Throws `model/bad-safetensors` for any header or length that does not add up. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw new TwainError("model/missing-file", `cannot open ${path}`, { cause });
  });
  try {
    const { size } = await file.stat();
    if (size < 8) throw bad(path, `${size} bytes are too few for a header`);
    const head = await readBytes(file, path, 0, 8);
    const headerBytes = Number(new DataView(head.buffer).getBigUint64(0, true));
    if (headerBytes > MAX_HEADER_BYTES || headerBytes + 8 > size)
      throw bad(path, `header of ${headerBytes} bytes in a file of ${size}`);
    let header: Record<string, unknown>;
    try {
      header = z
        .record(z.string(), z.unknown())
        .parse(
          JSON.parse(
            new TextDecoder("utf-8", { fatal: true }).decode(
              await readBytes(file, path, 8, headerBytes),
            ),
          ),
        );
    } catch (cause) {
      throw bad(path, "the header is not a JSON object", cause);
    }
    const { ["__metadata__"]: written, ...named } = header;
    const metadata = z.record(z.string(), z.string()).default({}).safeParse(written);
    if (!metadata.success) throw bad(path, "__metadata__ is not a map of texts", metadata.error);
    const entries = Object.entries(named).map(([name, value]) => {
      const entry = Entry.safeParse(value);
      if (!entry.success) throw bad(path, `entry ${name} is malformed`, entry.error);
      const { dtype, shape, data_offsets } = entry.data;
      if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16")
        throw bad(path, `tensor ${name} has type ${dtype}; F32, F16 and BF16 are read`);
      const want = shape.reduce((a, b) => a * b, 1) * BYTES[dtype];
      if (data_offsets[1] - data_offsets[0] !== want)
        throw bad(
          path,
          `tensor ${name} ${dtype} ${JSON.stringify(shape)} needs ${want} bytes, has [${data_offsets.join(", ")}]`,
        );
      return [name, { dtype, shape, data_offsets }] as const;
    });
    const start = 8 + headerBytes;
    checkLayout(path, entries, size - start);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, { dtype, shape, data_offsets }] of entries) {
      const [from, to] = data_offsets;
      const bytes = await readBytes(file, path, start + from, to - from);
      tensors.set(name, { shape, data: toFloat32(bytes, dtype) });
    }
    return { tensors, metadata: metadata.data };
  } finally {
    await file.close();
  }
}

/** Writes float32 tensors atomically, names in the order given. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Record<string, string> = {},
): Promise<void> {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(Buffer.byteLength(text)), true);
  await writeFileAtomic(path, async (file) => {
    await file.write(length);
    await file.write(text);
    for (const { data } of tensors.values())
      await file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
}
