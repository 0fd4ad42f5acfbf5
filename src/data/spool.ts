/** Rows that wait on disk: more than memory holds, or for files that cannot be chosen before the last row is known. */
import { readSync } from "node:fs";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFailure, writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";

/** A file of JSON lines that lives until `remove`; reading comes after `finish`. */
export interface Spool<Row> extends Iterable<Row> {
  readonly length: number;
  /** A promise where the disk has to be waited for. */
  append(row: Row): Promise<void> | undefined;
  /** Ends writing. */
  finish(): Promise<void>;
  /** By its number from 0. */
  row(line: number): Row;
  /** Writes the lines that `keep` accepts, by their number from 0; returns how many. */
  copy(to: string, keep: (line: number) => boolean): Promise<number>;
  remove(): Promise<void>;
}

const BUFFER = 1 << 20;

/**
 * Opens an empty spool, in the place of one that a killed process left. Only where its lines begin is in memory.
 * Throws `core/write-failed`, also where the file turns out to hold less than was written.
 */
export async function openSpool<Row>(path: string): Promise<Spool<Row>> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  let file: FileHandle;
  try {
    file = await open(path, "wx+");
  } catch (error) {
    throw writeFailure(path, error);
  }
  /** Where each line begins, and after the last one its end. */
  let starts = new Float64Array(1024);
  let length = 0;
  let pending: Buffer[] = [];
  let waiting = 0;
  let closed = false;

  const flush = async (): Promise<void> => {
    const block = Buffer.concat(pending);
    pending = [];
    waiting = 0;
    await file.appendFile(block).catch((error: unknown) => {
      throw writeFailure(path, error);
    });
  };
  const shorter = (): TwainError =>
    new TwainError("core/write-failed", `${path} holds less than was written to it`, {
      hint: "The disk is full, or something else writes there. Run the same command again: finished work is kept.",
    });
  /** Fills `target` from the file at `from`. */
  const fill = (target: Buffer, from: number): void => {
    for (let done = 0; done < target.length;) {
      const read = readSync(file.fd, target, done, target.length - done, from + done);
      if (read === 0) throw shorter();
      done += read;
    }
  };
  const parse = (bytes: Buffer): Row => JSON.parse(bytes.toString("utf8")) as Row;

  /** The bytes of every line, its newline left out; valid until the next one is asked for. */
  function* lines(): Generator<Buffer> {
    let block = Buffer.alloc(0);
    let blockStart = 0;
    for (let line = 0; line < length; line++) {
      const start = starts[line]!;
      const end = starts[line + 1]!;
      if (end > blockStart + block.length) {
        const size = Math.max(end - start, Math.min(BUFFER, starts[length]! - start));
        block = Buffer.allocUnsafe(size);
        fill(block, start);
        blockStart = start;
      }
      yield block.subarray(start - blockStart, end - blockStart - 1);
    }
  }

  return {
    get length() {
      return length;
    },
    append(row) {
      const bytes = Buffer.from(`${JSON.stringify(row)}\n`);
      pending.push(bytes);
      waiting += bytes.length;
      if (length + 2 > starts.length) {
        const more = new Float64Array(starts.length * 2);
        more.set(starts);
        starts = more;
      }
      starts[length + 1] = starts[length]! + bytes.length;
      length++;
      return waiting > BUFFER ? flush() : undefined;
    },
    async finish() {
      await flush();
      if ((await file.stat()).size !== starts[length]) throw shorter();
    },
    row(line) {
      const start = starts[line]!;
      const bytes = Buffer.allocUnsafe(starts[line + 1]! - start - 1);
      fill(bytes, start);
      return parse(bytes);
    },
    *[Symbol.iterator]() {
      for (const bytes of lines()) yield parse(bytes);
    },
    async copy(to, keep) {
      let number = 0;
      let written = 0;
      await writeFileAtomic(to, async (target) => {
        let block: Buffer[] = [];
        let size = 0;
        for (const bytes of lines()) {
          if (!keep(number++)) continue;
          written++;
          block.push(bytes, NEWLINE);
          size += bytes.length + 1;
          if (size > BUFFER) {
            await target.writeFile(Buffer.concat(block));
            block = [];
            size = 0;
          }
        }
        await target.writeFile(Buffer.concat(block));
      });
      return written;
    },
    async remove() {
      if (!closed) {
        closed = true;
        await file.close();
      }
      await rm(path, { force: true });
    },
  };
}

const NEWLINE = Buffer.from("\n");
