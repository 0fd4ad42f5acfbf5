/**
 * The safetensors format: u64 little-endian header length, a JSON header, then raw little-endian
 * data. https://github.com/huggingface/safetensors (format section of its README).
 */
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { fromHalves } from "../engine/index.ts";

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100 << 20;
/** Node reads less than 2 GiB at once; a large embedding in float32 is more. */
const MAX_READ_BYTES = 1 << 30;
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

const bad = (path: string, what: string, cause?: unknown, hint = DAMAGED): TwainError =>
  new TwainError("model/bad-safetensors", `${path}: ${what}`, { hint, cause });

const DAMAGED = "The file is damaged or not safetensors: fetch or write it again.";
const OTHER_TYPE =
  "F32, F16 and BF16 are read: choose the model before quantization, or write the weights in one of these types.";

/** `bytes` is a whole buffer of its own, so it is aligned. */
function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: StoredType): Float32Array {
  const own = bytes.buffer;
  if (dtype === "F32") return new Float32Array(own);
  const halves = new Uint16Array(own);
  if (dtype === "F16") return fromHalves(halves);
  const out = new Float32Array(halves.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
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

/** Where a tensor lies in the data section, in bytes. */
interface Span {
  from: number;
  to: number;
}

/** Throws unless the tensors fill the data section without gap or overlap, as the format demands. */
function checkLayout(path: string, entries: ReadonlyMap<string, Span>, dataBytes: number): void {
  const spans = [...entries]
    .map(([name, { from, to }]) => ({ name, from, to }))
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
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
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
    const { ["__metadata__"]: written, ...named } = header;
    const metadata = z.record(z.string(), z.string()).default({}).safeParse(written);
    if (!metadata.success) throw bad(path, "__metadata__ is not a map of texts", metadata.error);
    const start = 8 + headerBytes;
    const entries = new Map<string, TensorEntry & Span>();
    for (const [name, value] of Object.entries(named)) {
      const entry = Entry.safeParse(value);
      if (!entry.success) throw bad(path, `entry ${name} is malformed`, entry.error);
      const { dtype, shape, data_offsets } = entry.data;
      const [from, to] = data_offsets;
      if (!isStoredType(dtype))
        throw bad(path, `tensor ${name} has the unknown type ${dtype}`, undefined, OTHER_TYPE);
      const want = shape.reduce((a, b) => a * b, 1) * BYTES[dtype];
      if (to - from !== want)
        throw bad(
          path,
          `tensor ${name} ${dtype} ${JSON.stringify(shape)} needs ${want} bytes, has [${data_offsets.join(", ")}]`,
        );
      entries.set(name, { dtype, shape, from, to });
    }
    checkLayout(path, entries, size - start);
    return {
      entries,
      metadata: metadata.data,
      read(name) {
        const entry = entries.get(name);
        if (!entry) throw new Error(`${path} has no tensor ${name}`);
        return readBytes(file, path, start + entry.from, entry.to - entry.from);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

const isStoredType = (dtype: string): dtype is StoredType => Object.hasOwn(BYTES, dtype);

/** The type of a tensor that can be read as float32. Throws `model/bad-safetensors` unless it is F32, F16 or BF16. */
export function checkFloats(file: OpenSafetensors, path: string, name: string): StoredType {
  const { dtype } = file.entries.get(name)!;
  if (dtype === "F32" || dtype === "F16" || dtype === "BF16") return dtype;
  throw bad(path, `tensor ${name} has type ${dtype}`, undefined, OTHER_TYPE);
}

/** One tensor as float32. Throws `model/bad-safetensors` unless it is F32, F16 or BF16. */
export async function readFloats(
  file: OpenSafetensors,
  path: string,
  name: string,
): Promise<StoredTensor> {
  const dtype = checkFloats(file, path, name);
  const { shape } = file.entries.get(name)!;
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
    await file.writeFile(length);
    await file.writeFile(text);
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
