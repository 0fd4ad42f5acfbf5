/** JSON Lines: one value a line, streamed both ways. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { z } from "zod";
import { writeFileAtomic } from "./atomic-file.ts";
import { TwainError } from "./errors.ts";

/** Rows of a file, parsed by a schema. Throws `core/bad-jsonl` with the line number. */
export async function* readJsonl<S extends z.ZodType>(
  path: string,
  schema: S,
): AsyncGenerator<z.output<S>> {
  const lines = createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new TwainError("core/bad-jsonl", `${path}:${number}: not JSON`, { cause });
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new TwainError(
        "core/bad-jsonl",
        `${path}:${number}: ${issue?.path.join(".")}: ${issue?.message}`,
      );
    }
    yield parsed.data;
  }
}

/** Writes all rows to a temporary file, then renames it into place. Returns how many were written. */
export async function writeJsonl(
  path: string,
  rows: Iterable<unknown> | AsyncIterable<unknown>,
): Promise<number> {
  let count = 0;
  await writeFileAtomic(path, async (file) => {
    let buffer: string[] = [];
    let size = 0;
    const flush = async (): Promise<void> => {
      if (buffer.length > 0) await file.writeFile(buffer.join(""));
      buffer = [];
      size = 0;
    };
    for await (const row of rows) {
      const line = `${JSON.stringify(row)}\n`;
      buffer.push(line);
      size += line.length;
      count++;
      if (size > 1 << 20) await flush();
    }
    await flush();
  });
  return count;
}
