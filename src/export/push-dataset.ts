/** Uploads a folder as a dataset of a hub: large files first, then one commit that shows all of them at once. */
import { createHash } from "node:crypto";
import { createReadStream, openAsBlob } from "node:fs";
import { join } from "node:path";
import { TwainError } from "../core/errors.ts";
import {
  type HubWriter,
  type LocalFile,
  commitFiles,
  createDataset,
  filesToSend,
  revisionOf,
  storeLarge,
  tagCommit,
} from "./hub-upload.ts";

/** A file with the hashes that the hub knows it by; its bytes stay on disk. */
export async function localFile(
  folder: string,
  path: string,
  signal: AbortSignal,
): Promise<LocalFile> {
  const full = join(folder, path);
  const content = await openAsBlob(full);
  const sha256 = createHash("sha256");
  const git = createHash("sha1").update(`blob ${content.size}\0`);
  for await (const chunk of createReadStream(full, { signal })) {
    sha256.update(chunk as Buffer);
    git.update(chunk as Buffer);
  }
  return {
    path,
    content,
    bytes: content.size,
    sha256: sha256.digest("hex"),
    gitBlob: git.digest("hex"),
  };
}

export interface PushOptions {
  /** `organisation/dataset`. */
  name: string;
  files: readonly LocalFile[];
  visibility: "private" | "public";
  summary: string;
  /** A tag for the commit: the version. */
  tag?: string | undefined;
}

export interface PushResult {
  /** Whether the repository was made by this push. */
  created: boolean;
  commit: string;
  /** Files that are other than before, and how many of their bytes had to be sent. */
  changed: string[];
  sentBytes: number;
}

export interface PushProgress {
  path: string;
  done: number;
  total: number;
}

/**
 * Pushes files; those that are there with the same bytes stay, and other files of the repository do too. Throws
 * `export/hub-public` where a private push meets a public repository, `export/hub-tag` where the tag is another commit,
 * and what `hub-upload.ts` throws.
 */
export async function* pushDataset(
  hub: HubWriter,
  options: PushOptions,
): AsyncGenerator<PushProgress, PushResult> {
  const { name, files, visibility, tag } = options;
  const created = await createDataset(hub, name, visibility);
  const main = await revisionOf(hub, name, "main");
  if (!main)
    throw new TwainError("export/hub-bad-answer", `${name} was made, and has no branch main`);
  // Also of one just made: whoever asked for a private one must not find out later.
  if (visibility === "private" && !main.private)
    throw new TwainError("export/hub-public", `${name} is public on the hub`, {
      hint: "Make it private there, take another name, or say --public.",
    });
  const tagged = tag === undefined ? undefined : await revisionOf(hub, name, tag);
  const changed = await filesToSend(hub, name, files);
  if (tagged && (changed.length > 0 || tagged.commit !== main.commit))
    throw new TwainError("export/hub-tag", `${name} has a ${tag} already, of other files`, {
      hint: "A version never changes: push under another version.",
    });
  const total = changed.reduce((sum, { file }) => sum + file.bytes, 0);
  let sentBytes = 0;
  let before = 0;
  for (const { file, large } of changed) {
    yield { path: file.path, done: before, total };
    // Small files go with the commit.
    if (!large || (await storeLarge(hub, name, file))) sentBytes += file.bytes;
    before += file.bytes;
  }
  const commit =
    changed.length === 0
      ? main.commit
      : await commitFiles(hub, name, changed, { summary: options.summary, parent: main.commit });
  if (tag !== undefined && !tagged) await tagCommit(hub, name, tag);
  return { created, commit, changed: changed.map(({ file }) => file.path), sentBytes };
}
