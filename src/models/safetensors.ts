/**
 * The safetensors format: u64 little-endian header length, a JSON header, then raw little-endian
 * data. https://github.com/huggingface/safetensors (format section of its README).
 */
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100 << 20;
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

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function toFloat32(bytes: Uint8Array, dtype: StoredType): Float32Array {
  // A copy of its own: the file's buffer may not be aligned to four bytes.
  const own = bytes.slice().buffer;
  if (dtype === "F32") return new Float32Array(own);
  const halves = new Uint16Array(own);
  const out = new Float32Array(halves.length);
  if (dtype === "BF16") {
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  } else {
    for (let i = 0; i < halves.length; i++) out[i] = halfToFloat(halves[i]!);
  }
  return out;
}

async function readBytes(
  file: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0)
      throw bad(path, `ends at byte ${position + done}, ${length - done} bytes short`);
    done += bytesRead;
  }
  return buffer;
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
    const metadata = z.record(z.string(), z.string()).default({}).parse(header["__metadata__"]);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, value] of Object.entries(header)) {
      if (name === "__metadata__") continue;
      const entry = Entry.safeParse(value);
      if (!entry.success) throw bad(path, `entry ${name} is malformed`, entry.error);
      const {
        dtype,
        shape,
        data_offsets: [from, to],
      } = entry.data;
      if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16")
        throw bad(path, `tensor ${name} has type ${dtype}; F32, F16 and BF16 are read`);
      const want = shape.reduce((a, b) => a * b, 1) * BYTES[dtype];
      if (to - from !== want || 8 + headerBytes + to > size)
        throw bad(
          path,
          `tensor ${name} ${JSON.stringify(shape)} needs ${want} bytes, has [${from}, ${to}] of ${size}`,
        );
      tensors.set(name, {
        shape,
        data: toFloat32(await readBytes(file, path, 8 + headerBytes + from, want), dtype),
      });
    }
    return { tensors, metadata };
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
