/** The rows of a Parquet file, one row group in memory at a time. https://parquet.apache.org/docs/file-format */
import { stat } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import {
  type Compressors,
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { TwainError } from "../../core/errors.ts";

/** The end of a file says how long its description is, and a description how much there is: neither is believed. */
const MAX_METADATA = 64 << 20;
const MAX_GROUP_ROWS = 5_000_000;

export interface ParquetLimits {
  /** Bytes of a row group, unpacked, in the columns that are read. */
  group: number;
  /** Bytes of a page, unpacked. */
  page: number;
}
const LIMITS: ParquetLimits = { group: 2 ** 30, page: 256 << 20 };

export interface ParquetFile {
  columns: string[];
  /** The named columns of every row, in order. */
  rows(columns: readonly string[]): AsyncGenerator<Record<string, unknown>>;
}

const damaged = (path: string, cause: unknown): TwainError =>
  cause instanceof TwainError
    ? cause
    : new TwainError(
        "collect/bad-dataset",
        `${path} cannot be read as Parquet: ${cause instanceof Error ? cause.message : String(cause)}`,
        { hint: "Fetch the file again, or convert it to JSONL.", cause },
      );

/** Unpackers that write no more than the page's header says, and headers that may not say too much. */
async function makeCompressors(path: string, maxPage: number): Promise<Compressors> {
  const { decompressLz4, decompressLz4Raw, decompressSnappy, decompressZstd } =
    await import("hyparquet-compressors");
  const bounded =
    (unpack: (input: Uint8Array, length: number) => Uint8Array) =>
    (input: Uint8Array, length: number): Uint8Array => {
      if (length > maxPage)
        throw new TwainError(
          "collect/too-large",
          `${path} has a page of ${length} bytes, more than ${maxPage}`,
        );
      return unpack(input, length);
    };
  return {
    SNAPPY: bounded((input, length) => decompressSnappy(input, length)),
    GZIP: bounded((input, length) => gunzipSync(input, { maxOutputLength: length })),
    BROTLI: bounded((input, length) => brotliDecompressSync(input, { maxOutputLength: length })),
    ZSTD: bounded((input, length) => decompressZstd(input, new Uint8Array(length))),
    LZ4: bounded((input, length) => decompressLz4(input, length)),
    LZ4_RAW: bounded((input, length) => decompressLz4Raw(input, length)),
  };
}

/** Throws `collect/bad-dataset` for what is no Parquet file, `collect/too-large` for one that would not fit memory. */
export async function openParquet(path: string, limits = LIMITS): Promise<ParquetFile> {
  try {
    const { size } = await stat(path);
    const file = await asyncBufferFromFile(path);
    if (size < 12) throw new Error(`it has ${size} bytes`);
    const described = new DataView(await file.slice(size - 8, size - 4)).getUint32(0, true);
    if (described > MAX_METADATA)
      throw new TwainError(
        "collect/too-large",
        `${path} has a description of ${described} bytes, more than ${MAX_METADATA}`,
      );
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    return {
      columns,
      async *rows(wanted) {
        const compressors = await makeCompressors(path, limits.page);
        let rowStart = 0;
        for (const group of metadata.row_groups) {
          const rows = Number(group.num_rows);
          const bytes = group.columns
            .filter(({ meta_data: data }) => wanted.includes(data?.path_in_schema[0] ?? ""))
            .reduce((sum, { meta_data: data }) => sum + Number(data?.total_uncompressed_size), 0);
          if (!(rows <= MAX_GROUP_ROWS && bytes <= limits.group))
            throw new TwainError(
              "collect/too-large",
              `${path} has a row group of ${rows} rows and ${bytes} bytes in the columns that are read`,
              { hint: `Write it with row groups of at most ${limits.group} bytes.` },
            );
          yield* await parquetReadObjects({
            file,
            metadata,
            compressors,
            columns: [...wanted],
            rowStart,
            rowEnd: rowStart + rows,
          }).catch((cause: unknown) => {
            throw damaged(path, cause);
          });
          rowStart += rows;
        }
      },
    };
  } catch (cause) {
    throw damaged(path, cause);
  }
}
