/**
 * Versions of a run's dataset: `v1.2` is a folder with the files as they were, and `version.json` with their hashes.
 * The files are hard links: a run replaces its files and never writes into them, so a version costs no space while the
 * dataset stays, and keeps the old one when it changes.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, copyFile, link, mkdir, readFile, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { writeFailure, writeFileAtomic } from "../../core/atomic-file.ts";
import { TwainError } from "../../core/errors.ts";
import { fingerprint } from "../../core/hash.ts";
import { type DatasetDir, type RunDir, datasetDir } from "../../core/run-dir.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Without leading zeros, so that no version has two names. */
const TAG = /^v(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8})){0,2}$/;

/** What versions were once called: any tag of git, which a version becomes on a hub. They are still listed and opened. */
const VersionName = z
  .string()
  .regex(/^[A-Za-z0-9](?!.*\.\.)[A-Za-z0-9._-]{0,63}$/)
  .regex(/(?<!\.|\.lock)$/);

const DatasetFile = z.strictObject({
  name: z.string().regex(/^[a-z-]+\.jsonl$/),
  sha256,
  bytes: z.number().int().nonnegative(),
  rows: z.number().int().nonnegative(),
});
export type DatasetFile = z.infer<typeof DatasetFile>;

export const DatasetVersion = z.strictObject({
  schema: z.literal(1),
  version: VersionName,
  /** Of the recipe. */
  name: z.string(),
  /** Of all files: equal datasets have equal ones, whatever run or version they are in. */
  dataset: sha256,
  files: z.array(DatasetFile).nonempty(),
  /** What tools saw when episodes were made: not among the rows, nor in `dataset`. Absent where there are none. */
  worlds: DatasetFile.optional(),
  tagged: z.iso.datetime(),
});
export type DatasetVersion = z.infer<typeof DatasetVersion>;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function describe(path: string, signal: AbortSignal): Promise<DatasetFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  let rows = 0;
  for await (const chunk of createReadStream(path, { signal })) {
    const data = chunk as Buffer;
    hash.update(data);
    bytes += data.length;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) rows++;
  }
  return { name: basename(path), sha256: hash.digest("hex"), bytes, rows };
}

/** The files with rows and their hash together, as they are on disk now. Absent ones are left out. */
export async function datasetState(
  dataset: DatasetDir,
  signal: AbortSignal,
): Promise<{ dataset: string; files: DatasetFile[] }> {
  const { train, valid, test, preference, base, baseValid, toolCases } = dataset;
  const files: DatasetFile[] = [];
  for (const path of [train, valid, test, preference, base, baseValid, toolCases])
    if (await exists(path)) files.push(await describe(path, signal));
  return { dataset: fingerprint(files.map(({ name, sha256: hash }) => [name, hash])), files };
}

const describeWorlds = async (
  { worlds }: DatasetDir,
  signal: AbortSignal,
): Promise<DatasetFile | undefined> =>
  (await exists(worlds)) ? describe(worlds, signal) : undefined;

/** Rows and worlds: what lies in a version under its hash. */
const keptBy = ({ files, worlds }: Pick<DatasetVersion, "files" | "worlds">): DatasetFile[] =>
  worlds ? [...files, worlds] : files;

const recordOf = (folder: string): string => join(folder, "version.json");

const damaged = (folder: string, what: string, cause?: unknown): TwainError =>
  new TwainError("data/version-damaged", `${folder}: ${what}`, {
    hint: "Something else has written into this version. Remove the folder and tag the dataset again.",
    cause,
  });

async function readRecord(folder: string): Promise<DatasetVersion> {
  try {
    return DatasetVersion.parse(JSON.parse(await readFile(recordOf(folder), "utf8")));
  } catch (cause) {
    throw damaged(folder, "version.json cannot be read", cause);
  }
}

function badName(version: string): TwainError {
  const near = `v${version.replace(/^v/i, "")}`;
  return new TwainError("data/version-name", `"${version}" cannot name a version`, {
    hint: TAG.test(near)
      ? `Did you mean ${near}?`
      : "A version is v and one to three numbers with dots between them: v1, v1.2 or v1.2.3.",
  });
}

/** The versions of a run, in the order in which they were tagged. Throws `data/version-damaged`. */
export async function listVersions(dir: RunDir): Promise<DatasetVersion[]> {
  const names = await readdir(dir.versions).catch(() => []);
  const found: DatasetVersion[] = [];
  for (const name of names)
    if (VersionName.safeParse(name).success) found.push(await readRecord(join(dir.versions, name)));
  return found.toSorted((a, b) =>
    a.tagged < b.tagged || (a.tagged === b.tagged && a.version < b.version) ? -1 : 1,
  );
}

/** What of a version's files is not as it was tagged, or undefined. */
export async function versionDamage(
  dir: RunDir,
  record: DatasetVersion,
  signal: AbortSignal,
): Promise<string | undefined> {
  const dataset = datasetDir(join(dir.versions, record.version));
  const state = await datasetState(dataset, signal);
  const worlds = record.worlds && (await describeWorlds(dataset, signal));
  const changed = keptBy(record).find(
    ({ name, sha256: want }) =>
      [...state.files, worlds].find((file) => file?.name === name)?.sha256 !== want,
  );
  return changed && `${changed.name} is not what was tagged`;
}

/**
 * A version's files, checked against its hashes. Throws `data/version-name`, `data/unknown-version`,
 * `data/version-damaged`.
 */
export async function openVersion(
  dir: RunDir,
  version: string,
  signal: AbortSignal,
): Promise<{ record: DatasetVersion; folder: string; dataset: DatasetDir }> {
  if (!VersionName.safeParse(version).success) throw badName(version);
  const folder = join(dir.versions, version);
  if (!(await exists(folder))) {
    const known = (await listVersions(dir)).map((each) => each.version);
    throw new TwainError("data/unknown-version", `${dir.root} has no version ${version}`, {
      hint:
        known.length > 0
          ? `There are ${known.join(", ")}.`
          : `It has none yet; make one: twainbot data tag ${dir.root} ${TAG.test(version) ? version : "v1"}.`,
    });
  }
  const record = await readRecord(folder);
  const damage = await versionDamage(dir, record, signal);
  if (damage !== undefined) throw damaged(folder, damage);
  return { record, folder, dataset: datasetDir(folder) };
}

/** Links, or copies where the file system has no links. */
async function take(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

/**
 * Tags the dataset as it is. `beside` are further files to keep: the recipe, the report. The folder is there whole or not
 * at all. A version that is the same dataset already stays as it is. Throws `data/version-exists`, `data/version-name`.
 */
export async function tagVersion(
  dir: RunDir,
  version: string,
  options: { name: string; beside: readonly string[]; now: Date; signal: AbortSignal },
): Promise<{ record: DatasetVersion; made: boolean }> {
  if (!TAG.test(version)) throw badName(version);
  const folder = join(dir.versions, version);
  const { dataset, files } = await datasetState(dir.dataset, options.signal);
  const [first, ...rest] = files;
  if (!first) throw new Error(`${dir.dataset.root} has no rows`);
  if (await exists(folder)) {
    const record = await readRecord(folder);
    if (record.dataset === dataset) return { record, made: false };
    throw new TwainError(
      "data/version-exists",
      `${version} is another dataset: ${record.dataset.slice(0, 12)}, not ${dataset.slice(0, 12)}`,
      { hint: `A version never changes. Take another name, or remove ${folder}.` },
    );
  }
  const worlds = await describeWorlds(dir.dataset, options.signal);
  const record: DatasetVersion = {
    schema: 1,
    version,
    name: options.name,
    dataset,
    files: [first, ...rest],
    ...(worlds && { worlds }),
    tagged: options.now.toISOString(),
  };
  const temporary = join(dir.versions, `.${version}.${randomUUID().slice(0, 8)}.tmp`);
  try {
    await mkdir(temporary, { recursive: true });
    const { stats, card } = dir.dataset;
    const extra = [stats, card, ...options.beside];
    for (const { name } of keptBy(record))
      await take(join(dir.dataset.root, name), join(temporary, name));
    for (const path of extra)
      if (await exists(path)) await copyFile(path, join(temporary, basename(path)));
    await writeFileAtomic(recordOf(temporary), `${JSON.stringify(record, null, 2)}\n`);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw writeFailure(folder, error);
  }
  return { record, made: true };
}
