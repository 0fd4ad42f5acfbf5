/** Rows on their way to files that cannot be chosen before the last row is known. */
import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { writeFailure, writeFileAtomic } from "../core/atomic-file.ts";

/** A file of JSON lines that lives until `remove`. */
export interface Spool {
  append(row: unknown): Promise<void>;
  /** Ends writing; `copy` comes after. */
  finish(): Promise<void>;
  /** Writes the lines that `keep` accepts, by their number from 0; returns how many. */
  copy(to: string, keep: (line: number) => boolean): Promise<number>;
  remove(): Promise<void>;
}

const BUFFER = 1 << 20;

export async function openSpool(path: string): Promise<Spool> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "w");
  let pending = "";
  let closed = false;
  const flush = async (): Promise<void> => {
    if (pending !== "") {
      await file.appendFile(pending).catch((error: unknown) => {
        throw writeFailure(path, error);
      });
    }
    pending = "";
  };
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await file.close();
  };
  return {
    async append(row) {
      pending += `${JSON.stringify(row)}\n`;
      if (pending.length > BUFFER) await flush();
    },
    async finish() {
      await flush();
      await close();
    },
    async copy(to, keep) {
      let number = 0;
      let written = 0;
      await writeFileAtomic(to, async (target) => {
        let block = "";
        for await (const line of createInterface({
          input: createReadStream(path, "utf8"),
          crlfDelay: Infinity,
        })) {
          if (!keep(number++)) continue;
          written++;
          block += `${line}\n`;
          if (block.length > BUFFER) {
            await target.appendFile(block);
            block = "";
          }
        }
        await target.appendFile(block);
      });
      return written;
    },
    async remove() {
      await close();
      await rm(path, { force: true });
    },
  };
}
