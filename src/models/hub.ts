/** Base models from a hub: downloaded once into a cache folder, used from there without a network. */
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { readConfig } from "./folder.ts";
import { damagedError, damagedFiles, markVerified, readDownload, recordPath } from "./hub-cache.ts";
import { type HubConnection, type HubFile, commitOf, filesOf } from "./hub-client.ts";
import { downloadFile } from "./hub-download.ts";

/** `organisation/model`, and a branch, tag or commit. */
export interface HubModel {
  name: string;
  revision: string;
}

/** Where downloads are kept: `TWAINBOT_CACHE`, else `twainbot` in the user's cache folder. */
const cacheFolder = (): string =>
  process.env["TWAINBOT_CACHE"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "twainbot");

/** The endpoint and the token of the environment, by the names that Hugging Face's own tools use. */
export const hubConnection = (signal: AbortSignal): HubConnection => ({
  endpoint: process.env["HF_ENDPOINT"] ?? "https://huggingface.co",
  token: process.env["HF_TOKEN"],
  signal,
  delaySeconds: 1,
});

/** The folder of a model in the cache, whether it is there or not. */
export const hubFolder = ({ name, revision }: HubModel): string =>
  join(cacheFolder(), "models", `${name.replace("/", "--")}@${revision}`);

/** Written last: a folder with it is complete. */
export const hubRecord = (model: HubModel): string => recordPath(hubFolder(model));

const SMALL =
  /^((config|generation_config|tokenizer|tokenizer_config|model\.safetensors\.index)\.json|chat_template\.jinja)$/;
const SHARD = /^model-\d+-of-\d+\.safetensors$/;

/** What training and serving read, the config first: it may say that we do not run the model. */
function wanted(files: readonly HubFile[], name: string): HubFile[] {
  const small = files
    .filter(({ path }) => SMALL.test(path))
    .toSorted((a, b) => Number(b.path === "config.json") - Number(a.path === "config.json"));
  const shards = files.filter(({ path }) => SHARD.test(path));
  const weights =
    shards.length > 0 ? shards : files.filter(({ path }) => path === "model.safetensors");
  if (weights.length === 0 || small[0]?.path !== "config.json")
    throw new TwainError("model/missing-file", `${name} has no config.json or no safetensors`, {
      hint: "Take a variant of the model in the transformers format; GGUF and pickled weights are not read.",
    });
  return [...small, ...weights];
}

/** Whether all of a model is in the cache, damaged or not. */
export const isInCache = async (model: HubModel): Promise<boolean> =>
  (await readDownload(hubFolder(model))) !== undefined;

const networkOff = (model: HubModel): TwainError =>
  new TwainError(
    "model/network-off",
    `${model.name}@${model.revision} is not in ${hubFolder(model)}`,
    {
      hint: "Allow the download with data.network=true, or give a folder that you have (base.kind=folder).",
    },
  );

/**
 * Makes sure that what describes a model, all but its weights, is in the cache: enough to tell whether it can be used.
 * Throws what `fetchFromHub` throws.
 */
export async function fetchDescription(
  model: HubModel,
  hub: HubConnection,
  network: boolean,
): Promise<void> {
  if (await isInCache(model)) return;
  if (!network) throw networkOff(model);
  const { name, revision } = model;
  const folder = hubFolder(model);
  const commit = await commitOf(hub, name, revision);
  const files = wanted(await filesOf(hub, name, commit), name);
  await mkdir(folder, { recursive: true });
  for (const file of files.filter(({ path }) => SMALL.test(path))) {
    await downloadFile(hub, name, commit, file, folder, () => undefined);
    if (file.path === "config.json") await readConfig(folder);
  }
}

export interface HubProgress {
  /** Bytes there, and of all files. */
  done: number;
  total: number;
}

/**
 * Makes sure that a model is in the cache, with the bytes that came; damaged files are fetched again from the same
 * commit. Yields progress, about every hundredth. Throws `model/network-off` where it is not there and may not be
 * fetched, `model/cache-damaged` where that holds for some of its files, `model/hub-…`, and what `readConfig` throws for a model we do not run.
 */
export async function* fetchFromHub(
  model: HubModel,
  hub: HubConnection,
  network: boolean,
): AsyncGenerator<HubProgress, void> {
  const { name, revision } = model;
  const folder = hubFolder(model);
  const record = hubRecord(model);
  const before = await readDownload(folder);
  const damaged = before ? await damagedFiles(folder) : [];
  if (before && damaged.length === 0) return;
  if (!network) throw before ? damagedError(folder, damaged) : networkOff(model);
  // A consumer that stops listening also stops the transfer.
  const stop = new AbortController();
  const own = { ...hub, signal: AbortSignal.any([hub.signal, stop.signal]) };
  const commit = before?.commit ?? (await commitOf(own, name, revision));
  const files = before ? damaged : wanted(await filesOf(own, name, commit), name);
  await mkdir(folder, { recursive: true });
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let whole = 0;
  let told = -1;
  for (const file of files) {
    let have = 0;
    let over = false;
    let wake: (() => void) | undefined;
    const ended = downloadFile(own, name, commit, file, folder, (bytes) => {
      have = bytes;
      wake?.();
    })
      .then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      .finally(() => {
        over = true;
        wake?.();
      });
    try {
      while (!over) {
        await new Promise<void>((resolve) => (wake = resolve));
        const share = Math.floor((100 * (whole + have)) / total);
        if (share > told) yield { done: whole + have, total };
        told = Math.max(told, share);
      }
    } finally {
      if (!over) stop.abort();
      await ended;
    }
    const failed = await ended;
    if (failed) throw failed.error;
    whole += file.bytes;
    if (file.path === "config.json") await readConfig(folder);
  }
  await markVerified(folder, files);
  if (before) return;
  await writeFileAtomic(record, `${JSON.stringify({ name, revision, commit, files }, null, 2)}\n`);
}
