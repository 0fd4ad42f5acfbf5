/** Writes rows as a Parquet file, a row group at a time: memory holds one group, whatever the number of rows. */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type WholeFile, writeFileAtomic } from "../core/atomic-file.ts";
import { versions } from "../core/versions.ts";
import { type Column, parquetSchema, parquetValue } from "./parquet-columns.ts";

/** A group ends at so many characters of JSON, or so many rows: what a reader must take in at once. */
const GROUP_CHARACTERS = 16 << 20;
const GROUP_ROWS = 20_000;

/** A buffer that is emptied into a file; the writer calls `flush` after each row group. */
function fileWriter(file: WholeFile): ByteWriter & { flush(): Promise<void> } {
  const writer = new ByteWriter();
  return Object.assign(writer, {
    async flush() {
      await file.writeFile(new Uint8Array(writer.buffer, 0, writer.index));
      writer.index = 0;
    },
  });
}

/** Writes all rows to a temporary file, then renames it into place. Returns how many; equal rows give equal bytes. */
export async function writeParquet(
  path: string,
  columns: ReadonlyMap<string, Column>,
  rows: AsyncIterable<unknown>,
): Promise<number> {
  let count = 0;
  await writeFileAtomic(path, async (file) => {
    const writer = fileWriter(file);
    const parquet = new ParquetWriter({
      writer,
      schema: parquetSchema(columns),
      createdBy: `twainbot ${versions().twainbot}`,
    });
    let group: unknown[] = [];
    let characters = 0;
    const endGroup = async (): Promise<void> => {
      if (group.length === 0) return;
      const rowsOfGroup = group;
      const columnData = [...columns].map(([name, column]) => ({
        name,
        data: rowsOfGroup.map((row) =>
          parquetValue((row as Record<string, unknown>)[name], column),
        ),
      }));
      await parquet.write({ columnData, rowGroupSize: rowsOfGroup.length });
      group = [];
      characters = 0;
    };
    for await (const row of rows) {
      group.push(row);
      count++;
      characters += JSON.stringify(row).length;
      if (characters >= GROUP_CHARACTERS || group.length >= GROUP_ROWS) await endGroup();
    }
    await endGroup();
    await parquet.finish();
    await writer.flush();
  });
  return count;
}
