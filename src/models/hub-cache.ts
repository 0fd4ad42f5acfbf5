/** Whether a downloaded model still has the bytes that came: by size and time, and by hash only where these changed. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import type { HubFile } from "./hub-client.ts";
import { hasRightBytes } from "./hub-download.ts";

/** A plain name: a record cannot lead out of its folder. */
const FileName = z.string().regex(/^[^/\\]+$/);

/** `download.json`: what came, and from which commit. It is written last, so a folder with it is complete. */
const Download = z.object({
  name: z.string(),
  revision: z.string(),
  commit: z.string(),
  files: z.array(
    z.object({
      path: FileName,
      bytes: z.number(),
      hash: z.object({ kind: z.enum(["sha256", "git-blob"]), value: z.string() }),
    }),
  ),
});
export type Download = z.infer<typeof Download>;

/** `verified.json`: when each file was last changed before its hash was found right. Times say nothing to other runs, so they are not in the record. */
const Verified = z.record(z.string(), z.number());

async function readJson<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<z.output<S> | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

export const recordPath = (folder: string): string => join(folder, "download.json");
const verifiedPath = (folder: string): string => join(folder, "verified.json");

/** The record of a download; undefined where there is none that can be read. */
export const readDownload = (folder: string): Promise<Download | undefined> =>
  readJson(recordPath(folder), Download);

/** The files of a download that are not there as they came; none for a folder that was not downloaded. */
export async function damagedFiles(folder: string): Promise<HubFile[]> {
  const download = await readDownload(folder);
  if (!download) return [];
  const known = (await readJson(verifiedPath(folder), Verified)) ?? {};
  const verified: z.output<typeof Verified> = {};
  const damaged: HubFile[] = [];
  for (const file of download.files) {
    const path = join(folder, file.path);
    const found = await stat(path).catch(() => undefined);
    const same = found?.size === file.bytes && found.mtimeMs === known[file.path];
    if (found && (same || (await hasRightBytes(path, file)))) verified[file.path] = found.mtimeMs;
    else damaged.push(file);
  }
  if (JSON.stringify(verified) !== JSON.stringify(known))
    // A cache that cannot be written is read all the same: its files are hashed each time.
    await writeVerified(folder, verified).catch(() => {});
  return damaged;
}

const writeVerified = (folder: string, times: z.output<typeof Verified>): Promise<void> =>
  writeFileAtomic(verifiedPath(folder), `${JSON.stringify(times)}\n`);

/** Notes that the hashes of these files were right a moment ago. */
export async function markVerified(folder: string, files: readonly HubFile[]): Promise<void> {
  const times = (await readJson(verifiedPath(folder), Verified)) ?? {};
  for (const { path } of files) times[path] = (await stat(join(folder, path))).mtimeMs;
  await writeVerified(folder, times);
}

export const damagedError = (folder: string, files: readonly HubFile[]): TwainError =>
  new TwainError(
    "model/cache-damaged",
    `${folder}: ${files.map(({ path }) => path).join(", ")} ${files.length === 1 ? "is" : "are"} no longer what was downloaded`,
    { hint: "data.network=true fetches what is damaged again, with the stage base." },
  );

/** Throws `model/cache-damaged` for a downloaded model that changed since. */
export async function refuseDamaged(folder: string): Promise<void> {
  const damaged = await damagedFiles(folder);
  if (damaged.length > 0) throw damagedError(folder, damaged);
}
