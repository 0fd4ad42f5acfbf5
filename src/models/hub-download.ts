/** One file of a hub, resumed where an earlier download broke off, and taken only if its hash is right. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFailure } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { type HubConnection, type HubFile, openFile, retrying } from "./hub-client.ts";

/** A transfer that sends nothing for so long is broken off and begun again. */
const IDLE_MS = 60_000;

const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    () => undefined,
  );

async function hashOf(path: string, { hash, bytes }: HubFile): Promise<string> {
  const digest = createHash(hash.kind === "sha256" ? "sha256" : "sha1");
  if (hash.kind === "git-blob") digest.update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  return digest.digest("hex");
}

/** Whether a file has the size and the hash that the hub gives. */
export const hasRightBytes = async (path: string, file: HubFile): Promise<boolean> =>
  (await sizeOf(path)) === file.bytes && (await hashOf(path, file)) === file.hash.value;

/** Appends to `part` what is missing of the file; throws a plain Error where the transfer breaks off. */
async function receive(
  hub: HubConnection,
  name: string,
  commit: string,
  file: HubFile,
  part: string,
  onBytes: (have: number) => void,
): Promise<void> {
  const had = (await sizeOf(part)) ?? 0;
  if (had === file.bytes && had > 0) return;
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(new Error(`no byte for ${IDLE_MS / 1000} s`)), IDLE_MS);
  try {
    const response = await openFile(hub, name, commit, file.path, {
      signal: AbortSignal.any([hub.signal, idle.signal]),
      from: had < file.bytes ? had : 0,
    });
    const start = Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1]);
    const resumed = response.status === 206 && start === had;
    if (response.status === 206 && !resumed) {
      await response.body?.cancel();
      await rm(part);
      throw new Error(`asked for byte ${had}, was sent byte ${start}`);
    }
    const handle = await open(part, resumed ? "a" : "w");
    try {
      let have = resumed ? had : 0;
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        const data = chunk as Uint8Array;
        have += data.length;
        if (have > file.bytes) throw new Error(`more than its ${file.bytes} bytes were sent`);
        await handle.writeFile(data);
        onBytes(have);
      }
      if (have < file.bytes) throw new Error(`the transfer ended at byte ${have}`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw writeFailure(part, error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Puts a file of a commit into `folder`, unless it is already there with the right hash. `onBytes` is told how many of
 * its bytes are there. Throws `model/hub-damaged` where the bytes are wrong twice, and what `retrying` throws.
 */
export async function downloadFile(
  hub: HubConnection,
  name: string,
  commit: string,
  file: HubFile,
  folder: string,
  onBytes: (have: number) => void,
): Promise<void> {
  const target = join(folder, file.path);
  if (await hasRightBytes(target, file)) {
    onBytes(file.bytes);
    return;
  }
  // Of these bytes and no others: a file that changed on the hub is not continued.
  const part = `${target}.${file.hash.value.slice(0, 12)}.part`;
  for (let damaged = 0; ; damaged++) {
    await retrying(hub, `${name}/${file.path}`, () =>
      receive(hub, name, commit, file, part, onBytes),
    );
    if (await hasRightBytes(part, file)) break;
    await rm(part, { force: true });
    if (damaged === 1)
      throw new TwainError(
        "model/hub-damaged",
        `${name}/${file.path}: the bytes that came twice have another ${file.hash.kind} hash than ${file.hash.value}`,
        {
          hint: "Something on the way changes the file: a proxy, or a mirror that is out of date.",
        },
      );
  }
  await rename(part, target);
}
