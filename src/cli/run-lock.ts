/** One process at a time works in a run folder: two would write over each other's files. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { TwainError } from "../core/errors.ts";
import type { RunDir } from "../core/run-dir.ts";

const Lock = z.object({
  pid: z.number().int().positive(),
  host: z.string(),
  /** When the process started, in the kernel's ticks; numbers of processes are used again. */
  ticks: z.string().nullable(),
});
type Lock = z.infer<typeof Lock>;

/** Field 22 of Linux's /proc/<pid>/stat; null elsewhere. The name in field 2 may hold blanks. */
async function startTicks(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

async function isAlive(lock: Lock): Promise<boolean> {
  // Another machine's processes cannot be seen from here; its lock is taken at its word.
  if (lock.host !== hostname()) return true;
  if (lock.pid === process.pid) return false;
  try {
    process.kill(lock.pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return lock.ticks === (await startTicks(lock.pid));
}

async function readLock(path: string): Promise<Lock | undefined> {
  try {
    return Lock.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

/**
 * Takes the run for this process; the function it returns gives it back. The lock of a process that
 * is gone is taken over. Throws `cli/run-locked`.
 */
export async function lockRun(dir: RunDir): Promise<() => Promise<void>> {
  const path = join(dir.root, ".lock");
  const own: Lock = { pid: process.pid, host: hostname(), ticks: await startTicks(process.pid) };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await writeFile(path, `${JSON.stringify(own)}\n`, { flag: "wx" });
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const other = await readLock(path);
    if (other && (await isAlive(other))) {
      throw new TwainError(
        "cli/run-locked",
        `process ${other.pid} on ${other.host} is working in ${dir.root}`,
        {
          hint: `Wait for it, stop it, or give this run another name (name=…). If it no longer exists, delete ${path}.`,
        },
      );
    }
    await rm(path, { force: true });
  }
  throw new TwainError("cli/run-locked", `${path} cannot be taken: other processes keep taking it`);
}
