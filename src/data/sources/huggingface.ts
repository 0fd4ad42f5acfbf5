/** Datasets in the formats of the Hugging Face hub (Parquet, JSONL, CSV), from a folder or from the hub. */
import { extname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { hashFile } from "../../core/hash.ts";
import { DATASET_EXTENSIONS, openDataset } from "./dataset-rows.ts";
import { findFiles } from "./find-files.ts";
import { openHubDataset } from "./hub-dataset.ts";
import { RowDefaults, neededColumns, rowDocument } from "./row-document.ts";
import type { Collected, Source, SourceContext } from "./source.ts";

const Dataset = RowDefaults.extend({
  /** `organisation/dataset` of the hub. */
  name: z
    .string()
    .regex(/^[\w][\w.-]*(?:\/[\w][\w.-]*)?$/, "organisation/dataset")
    .optional(),
  /** A branch, tag or commit; only a commit names the same rows for ever. */
  revision: z.string().min(1).max(200).default("main"),
  /** Instead of `name`: a file or a folder, absolute or relative to `data.root`. */
  path: z.string().min(1).optional(),
  /** Files of it that are read; `*` stands for any part of a name, `**` also for folders. */
  files: z.array(z.string().min(1).max(200)).nonempty().optional(),
  /** Follows every row; by default what the dataset's card on the hub says. */
  licence: z.string().trim().min(1).optional(),
  /** Where its terms of use are written. */
  terms: z.url().optional(),
  maxRows: z.number().int().positive().default(100_000),
}).refine(({ name, path }) => (name === undefined) !== (path === undefined), "either name or path");
type Dataset = z.infer<typeof Dataset>;

const Config = z.strictObject({
  kind: z.literal("huggingface"),
  datasets: z.array(Dataset).nonempty(),
  /** A larger file is not downloaded. */
  maxBytes: z
    .number()
    .int()
    .positive()
    .max(64 * 2 ** 30)
    .default(2 ** 30),
  delaySeconds: z.number().nonnegative().default(2),
  /** Which commit a branch names is asked again after so long. */
  maxAgeHours: z.number().nonnegative().default(24),
});
type Config = z.infer<typeof Config>;

/** One file of a dataset, there or still to be fetched. */
interface Part {
  name: string;
  get(): Promise<{ path: string; fetchedAt?: string }>;
}

interface Opened {
  /** What ids begin with and errors name. */
  name: string;
  licence: string;
  url?: string;
  commit?: string;
  parts: Part[];
}

const MAX_BAD = 0.3;
/** Of a row that came before: no fault of the dataset's columns. */
const REPEATED = "repeated id";

const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split(/(\*+)/)
      .map((part) =>
        part === "*"
          ? "[^/]*"
          : part.startsWith("*")
            ? ".*"
            : part.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`),
      )
      .join("")}$`,
  );

/** The named files, or all of the one format that there is. Throws `collect/bad-dataset`. */
function chosen<T>(
  all: readonly T[],
  nameOf: (file: T) => string,
  entry: Dataset,
  of: string,
): T[] {
  const patterns = entry.files?.map(matcher);
  const extension = (file: T): string => extname(nameOf(file)).toLowerCase();
  const found = all.filter((file) =>
    patterns
      ? patterns.some((pattern) => pattern.test(nameOf(file)))
      : DATASET_EXTENSIONS.includes(extension(file)) && extension(file) !== ".json",
  );
  const formats = [...new Set(found.map(extension))];
  const unknown = formats.filter((each) => !DATASET_EXTENSIONS.includes(each));
  const shown = all.slice(0, 20).map(nameOf).join(", ");
  if (found.length === 0 || unknown.length > 0 || (!patterns && formats.length > 1))
    throw new TwainError(
      "collect/bad-dataset",
      found.length === 0
        ? `no file of ${of} is asked for; it has ${shown || "none"}`
        : `the files of ${of} are ${formats.join(" and ")}: ${shown}`,
      { hint: `Name those to read in files; ${DATASET_EXTENSIONS.join(", ")} can be read.` },
    );
  return found;
}

function pathOf(path: string, root: string | undefined): string {
  if (isAbsolute(path)) return path;
  if (root !== undefined) return join(root, path);
  throw new TwainError("collect/no-root", `the path ${path} is relative and data.root is not set`, {
    hint: "Set data.root to the folder that it lies in, or give an absolute path.",
  });
}

async function localParts(path: string, entry: Dataset): Promise<Part[]> {
  const files: { path: string; name: string }[] = [];
  for await (const file of findFiles(path, DATASET_EXTENSIONS))
    if (!("bad" in file)) files.push({ path: file.path, name: file.name || file.path });
  const wanted =
    files.length === 1 && files[0]!.name === path
      ? files
      : chosen(files, ({ name }) => name, entry, path);
  return wanted.map((file) => ({
    name: file.name,
    get: () => Promise.resolve({ path: file.path }),
  }));
}

const noLicence = (name: string): TwainError =>
  new TwainError("collect/no-licence", `nothing says under what licence ${name} is`, {
    hint: "Find out and write it into licence of the dataset in data.sources.",
  });

async function openLocal(
  entry: Dataset & { path: string },
  root: string | undefined,
): Promise<Opened> {
  const path = pathOf(entry.path, root);
  if (entry.licence === undefined) throw noLicence(path);
  const name = entry.path.replaceAll("\\", "/").replace(/\/+$/, "").split("/").at(-1)!;
  return { name, licence: entry.licence, parts: await localParts(path, entry) };
}

async function openHub(
  entry: Dataset & { name: string },
  config: Config,
  context: SourceContext,
): Promise<Opened> {
  if (!context.network)
    throw new TwainError(
      "collect/network-off",
      `the dataset ${entry.name} would have to be downloaded and the network is off`,
      { hint: "Allow downloads with data.network=true, or give the path of a copy." },
    );
  const { delaySeconds, maxAgeHours, maxBytes } = config;
  const hub = await openHubDataset(entry.name, entry.revision, {
    ...context,
    delaySeconds,
    maxAgeHours,
    maxBytes,
  });
  const licence = entry.licence ?? hub.licence;
  if (licence === undefined) throw noLicence(hub.url);
  const files = chosen(hub.files, ({ path }) => path, entry, entry.name);
  const large = files.find(({ bytes }) => bytes > maxBytes);
  if (large)
    throw new TwainError(
      "collect/too-large",
      `${entry.name}/${large.path} has ${large.bytes} bytes, more than the limit of ${maxBytes}`,
      { hint: "Raise maxBytes of the source, or name smaller files." },
    );
  return {
    name: entry.name,
    licence,
    url: hub.url,
    commit: hub.commit,
    parts: files
      .toSorted((a, b) => (a.path < b.path ? -1 : 1))
      .map((file) => ({ name: file.path, get: () => hub.get(file) })),
  };
}

/** Throws `collect/bad-columns` and `collect/too-many-bad-rows`. */
async function* rowsOf(
  part: Part,
  opened: Opened,
  entry: Dataset,
  seen: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<Collected> {
  const { path, fetchedAt } = await part.get();
  const shown = opened.url === undefined ? path : `${opened.name}/${part.name}`;
  const file = await openDataset(path, part.name, signal);
  const needed = neededColumns(entry.columns, file.columns, shown);
  const bad = new Map<string, number>();
  let rows = 0;
  for await (const each of file.rows(needed)) {
    signal.throwIfAborted();
    rows++;
    const result =
      "bad" in each
        ? each.bad
        : rowDocument(each.row, entry, {
            source: "huggingface",
            idPrefix: `huggingface:${opened.name}`,
            at: `${opened.parts.length > 1 ? `${part.name}:` : ""}${each.at}`,
            licence: opened.licence,
            ...(opened.url && { url: opened.url }),
            ...(fetchedAt && { fetchedAt }),
            extra: {
              dataset: opened.name,
              ...(opened.commit && { revision: opened.commit }),
              ...(entry.terms && { terms: entry.terms }),
            },
          });
    const reason = typeof result === "string" ? result : seen.has(result.id) ? REPEATED : "";
    if (reason !== "") {
      bad.set(reason, (bad.get(reason) ?? 0) + 1);
      yield { type: "bad", reason, at: `${shown}:${each.at}` };
    } else if (typeof result !== "string") {
      seen.add(result.id);
      yield { type: "document", document: result };
      if (seen.size >= entry.maxRows) break;
    }
  }
  const lost = [...bad].reduce((sum, [why, count]) => sum + (why === REPEATED ? 0 : count), 0);
  if (rows === 0 || lost > rows * MAX_BAD) {
    const reasons = [...bad].map(([reason, count]) => `${count} ${reason}`).join(", ");
    throw new TwainError(
      "collect/too-many-bad-rows",
      `${shown}: ${lost} of ${rows} rows cannot be used (${reasons || "the file is empty"})`,
      { hint: "Do the columns that the recipe names hold text?" },
    );
  }
}

const open = (entry: Dataset, config: Config, context: SourceContext): Promise<Opened> =>
  entry.path === undefined
    ? openHub({ ...entry, name: entry.name! }, config, context)
    : openLocal({ ...entry, path: entry.path }, context.root);

export const huggingface: Source<Config> = {
  kind: "huggingface",
  schema: Config,

  async inputs(config, { root }) {
    const found: (string[] | null)[] = [];
    for (const entry of config.datasets) {
      if (entry.path === undefined) continue;
      try {
        for (const part of await localParts(pathOf(entry.path, root), entry))
          found.push([part.name, (await hashFile((await part.get()).path)).sha256]);
      } catch {
        // What is missing or refused is reported by `collect`, with its hint.
        found.push(null);
      }
    }
    return found;
  },

  async *collect(config, context) {
    const total = config.datasets.length;
    for (const [i, entry] of config.datasets.entries()) {
      context.signal.throwIfAborted();
      const opened = await open(entry, config, context);
      const seen = new Set<string>();
      for (const part of opened.parts) {
        yield* rowsOf(part, opened, entry, seen, context.signal);
        yield { type: "progress", label: `${opened.name}/${part.name}`, done: i, total };
        if (seen.size >= entry.maxRows) break;
      }
      yield { type: "progress", label: opened.name, done: i + 1, total };
    }
  },
};
