/** Files that are either whole or not there (temporary name, fsync, rename), and logs that grow. */
import { randomUUID } from "node:crypto";
import { type FileHandle, appendFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TwainError } from "./errors.ts";

const KNOWN: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "files may not become that large here",
  EACCES: "permission denied",
  EROFS: "the file system is read-only",
};

/** The error of a write in words, where it is the disk's fault and not ours. */
export function writeFailure(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = KNOWN[code];
  if (!known) return error;
  return new TwainError("core/write-failed", `cannot write ${path}: ${known} (${code})`, {
    hint: "Free some space or choose another --runs folder, then run the same command again: finished work is kept.",
    cause: error,
  });
}

/**
 * What may be done with a file that is being written: each call adds to its end. A handle's `write` is not among it: where
 * the disk fills up it writes what still fits, says how much, and fails at the next call only.
 */
export type WholeFile = Pick<FileHandle, "writeFile">;

/** Calls `write` with a temporary file beside `path`, then puts it in place. */
export async function writeFileAtomic(
  path: string,
  write: string | Uint8Array | ((file: WholeFile) => Promise<void>),
): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "wx");
    try {
      if (typeof write === "function") await write(file);
      else await file.writeFile(write);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeFailure(path, error);
  }
}

const TEMPORARY = /\.[\da-f]{8}\.tmp$/;

/** Removes what killed processes left of `writeFileAtomic` in a folder and those in it; only for who alone writes there. */
export async function removeTemporaries(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries)
    if (entry.isFile() && TEMPORARY.test(entry.name))
      await rm(join(entry.parentPath, entry.name), { force: true });
}

/** Adds to the end of a log; what a killed process leaves is at worst a last line cut short. */
export async function appendText(path: string, text: string): Promise<void> {
  await appendFile(path, text).catch((error: unknown) => {
    throw writeFailure(path, error);
  });
}
