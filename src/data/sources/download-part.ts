/** A download that is not finished: continued by the next attempt, or by the next process. */
import { mkdir, open, readFile, readdir, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeFailure } from "../../core/atomic-file.ts";
import type { HttpAnswer } from "../../core/http-get.ts";

export const header = (answer: HttpAnswer, name: string): string | undefined => {
  const value = answer.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
};

export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

const isAlive = (pid: number): boolean => {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    // It is there, and somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
};

/**
 * The unfinished download of `body`, or where one may begin: no two processes write the same file, and what a killed one
 * left is taken over. Its name says what it is a part of, so that it is only continued with the same bytes.
 */
export async function ownPart(body: string): Promise<{ path: string; validator?: string }> {
  const own = `${body}.${process.pid}.part`;
  await mkdir(dirname(body), { recursive: true });
  for (const name of await readdir(dirname(body))) {
    const pid = name.startsWith(`${basename(body)}.`) && /\.(\d+)\.part$/.exec(name)?.[1];
    if (!pid || isAlive(Number(pid))) continue;
    const left = join(dirname(body), name);
    if (left !== own) {
      const taken = await rename(left, own).then(
        () => rename(`${left}.json`, `${own}.json`).catch(() => {}),
        () => "gone",
      );
      if (taken === "gone") continue;
    }
    const validator = await readFile(`${own}.json`, "utf8").catch(() => "");
    return { path: own, ...(validator !== "" && { validator }) };
  }
  return { path: own };
}

/** What `If-Range` may hold: bytes that a weak tag names may differ (RFC 9110 §13.1.5). */
export function validatorOf(answer: HttpAnswer): string | undefined {
  if (header(answer, "content-encoding") || header(answer, "accept-ranges") === "none")
    return undefined;
  const etag = header(answer, "etag");
  return etag && !etag.startsWith("W/") ? etag : header(answer, "last-modified");
}

/** Writes the body to the end of the part, or from its start; what has come stays where the transfer breaks off. */
export async function receive(answer: HttpAnswer, part: string, at: number): Promise<void> {
  try {
    const file = await open(part, at > 0 ? "a" : "w");
    try {
      for await (const bytes of answer.body) await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw writeFailure(part, error);
  }
}
