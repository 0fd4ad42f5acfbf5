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
export type StoredType = keyof typeof BYTES;

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

/** One tensor of an open file, still as bytes. */
export interface TensorEntry {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
}

/** An open file whose tensors are read when asked for. `close` it. */
export interface OpenSafetensors {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The raw little-endian bytes of an entry. */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Reads the header only. Throws `model/bad-safetensors` for any header or length that does not add up. */
export async function openSafetensors(path: string): Promise<OpenSafetensors> {
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
    const entries = new Map<string, TensorEntry & { at: number; bytes: number }>();
    for (const [name, value] of Object.entries(header)) {
      if (name === "__metadata__") continue;
      const entry = Entry.safeParse(value);
      if (!entry.success) throw bad(path, `entry ${name} is malformed`, entry.error);
      const {
        dtype,
        shape,
        data_offsets: [from, to],
      } = entry.data;
      if (!isStoredType(dtype)) throw bad(path, `tensor ${name} has the unknown type ${dtype}`);
      const bytes = shape.reduce((a, b) => a * b, 1) * BYTES[dtype];
      if (to - from !== bytes || 8 + headerBytes + to > size)
        throw bad(
          path,
          `tensor ${name} ${JSON.stringify(shape)} needs ${bytes} bytes, has [${from}, ${to}] of ${size}`,
        );
      entries.set(name, { dtype, shape, at: 8 + headerBytes + from, bytes });
    }
    return {
      entries,
      metadata,
      read(name) {
        const entry = entries.get(name);
        if (!entry) throw new Error(`${path} has no tensor ${name}`);
        return readBytes(file, path, entry.at, entry.bytes);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

const isStoredType = (dtype: string): dtype is StoredType => Object.hasOwn(BYTES, dtype);

/** One tensor as float32. Throws `model/bad-safetensors` unless it is F32, F16 or BF16. */
export async function readFloats(
  file: OpenSafetensors,
  path: string,
  name: string,
): Promise<StoredTensor> {
  const { dtype, shape } = file.entries.get(name)!;
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16")
    throw bad(path, `tensor ${name} has type ${dtype}; F32, F16 and BF16 are read`);
  return { shape, data: toFloat32(await file.read(name), dtype) };
}

/** Reads a whole file as float32. Throws `model/bad-safetensors`. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const name of file.entries.keys()) tensors.set(name, await readFloats(file, path, name));
    return { tensors, metadata: { ...file.metadata } };
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
  const types = [...tensors].map(([name, { shape }]) => [name, { dtype: "F32", shape }] as const);
  await streamSafetensors(
    path,
    new Map(types),
    metadata,
    (function* () {
      for (const { data } of tensors.values()) yield data;
    })(),
  );
}

/** Writes tensors atomically as their bytes come, in the order of `types`: only one is needed at a time. */
export async function streamSafetensors(
  path: string,
  types: ReadonlyMap<string, TensorEntry>,
  metadata: Record<string, string>,
  contents: Iterable<ArrayBufferView> | AsyncIterable<ArrayBufferView>,
): Promise<void> {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  const lengths: number[] = [];
  for (const [name, { dtype, shape }] of types) {
    const bytes = shape.reduce((a, b) => a * b, 1) * BYTES[dtype];
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    lengths.push(bytes);
    offset += bytes;
  }
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(Buffer.byteLength(text)), true);
  await writeFileAtomic(path, async (file) => {
    await file.write(length);
    await file.write(text);
    let at = 0;
    for await (const data of contents) {
      if (data.byteLength !== lengths[at])
        throw new Error(`${path}: tensor ${at} has ${data.byteLength} bytes, not ${lengths[at]}`);
      at++;
      await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    if (at !== lengths.length) throw new Error(`${path}: ${at} of ${lengths.length} tensors came`);
  });
}
