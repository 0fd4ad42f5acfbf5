/** `twainbot data push`: a dataset, as JSON lines and Parquet with its card, to the Hugging Face hub. */
import { join } from "node:path";
import { TwainError } from "../core/errors.ts";
import { mayRedistribute } from "../core/licence.ts";
import type { ExportResult } from "../data/exports/export-card.ts";
import { type Restricted, publishFolder } from "../data/exports/publish-folder.ts";
import type { LocalFile } from "../export/hub-upload.ts";
import { type PushResult, localFile, pushDataset } from "../export/push-dataset.ts";
import { hubConnection } from "../models/hub.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { openDataset } from "./dataset-ref.ts";
import { bytes, number } from "./terminal.ts";

/** What a hub takes: no two dots or dashes in a row, at most 96 letters. */
const NAME = /^(?!.*(--|\.\.))[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

interface PushDocument {
  dataset: string;
  hash: string;
  name: string;
  endpoint: string;
  visibility: "private" | "public";
  tag: string | null;
  rows: ExportResult["rows"];
  licences: ExportResult["licences"];
  leftOut: ExportResult["leftOut"];
  files: { path: string; bytes: number; sha256: string }[];
  /** Null where it was only shown. */
  pushed: PushResult | null;
}

function restrictedWanted(text: string, isPublic: boolean): Restricted {
  if (text === "send" && isPublic)
    throw new TwainError("cli/usage", "--restricted send and --public exclude each other", {
      hint: "Rows that may not be handed on can at most lie in a private repository; --restricted drop leaves them out.",
    });
  return text as Restricted;
}

function documentText(document: PushDocument): string {
  const { files, rows, licences, leftOut, pushed, visibility, tag } = document;
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const lines = [
    `${document.dataset} (${document.hash.slice(0, 12)}) → ${document.endpoint}/datasets/${document.name}, ${visibility}${tag === null ? "" : `, tag ${tag}`}`,
    `${number(rows.train)} train, ${number(rows.valid)} valid, ${number(rows.test)} test rows`,
    ...Object.entries(licences).map(
      ([licence, count]) =>
        `  ${number(count)} ${licence}${mayRedistribute(licence) ? "" : " (may not be handed on)"}`,
    ),
    ...Object.entries(leftOut).map(([reason, count]) => `left out: ${number(count)} (${reason})`),
    `${files.length} files, ${bytes(total)}`,
    ...files.map((file) => `  ${file.path}  ${bytes(file.bytes)}  ${file.sha256.slice(0, 12)}`),
  ];
  if (pushed === null) lines.push("Nothing was sent: this was --dry-run.");
  else if (pushed.changed.length === 0) lines.push("All of it was there already.");
  else
    lines.push(
      `${pushed.created ? "Made the repository. " : ""}Sent ${bytes(pushed.sentBytes)} for ${pushed.changed.length} files: commit ${pushed.commit.slice(0, 12)}.`,
    );
  return `${lines.join("\n")}\n`;
}

async function upload(
  document: Pick<PushDocument, "name" | "visibility" | "tag" | "dataset">,
  files: readonly LocalFile[],
  signal: AbortSignal,
): Promise<PushResult> {
  const hub = hubConnection(signal);
  const { token } = hub;
  if (!token)
    throw new TwainError("export/hub-access", "a push needs a token in the environment", {
      hint: "Set HF_TOKEN to a token that may write; --dry-run shows without one what would be sent.",
    });
  const work = pushDataset(
    { ...hub, token },
    {
      name: document.name,
      files,
      visibility: document.visibility,
      summary: `${document.dataset} by TwainBot`,
      ...(document.tag !== null && { tag: document.tag }),
    },
  );
  for (;;) {
    const next = await work.next();
    if (next.done) return next.value;
    const { path, done, total } = next.value;
    process.stderr.write(`${path} (${bytes(done)} of ${bytes(total)} done)\n`);
  }
}

export const command = defineCommand(
  {
    dataset: {
      type: "positional",
      required: true,
      description: "A run or a version of one: nano, nano@v1.2",
    },
    name: { type: "positional", required: true, description: "On the hub: organisation/dataset" },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    public: { type: "boolean", description: "For everyone; left out, the repository is private" },
    restricted: {
      type: "enum",
      options: ["refuse", "drop", "send"],
      default: "refuse",
      description: "Rows whose licence does not let them be handed on",
    },
    "dry-run": { type: "boolean", description: "Write the files and list them; send nothing" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    const visibility = args.public ? "public" : "private";
    const restricted = restrictedWanted(args.restricted, visibility === "public");
    if (!NAME.test(args.name) || args.name.length > 96)
      throw new TwainError("cli/usage", `${args.name} is no name of a dataset on a hub`, {
        hint: "Write it as organisation/dataset, or your own user name in place of the organisation.",
      });
    const ref = await openDataset(args.dataset, args.runs, signal);
    const folder = join(ref.dir.root, "export", "hub");
    const { result, paths } = await publishFolder(ref, { folder, restricted, signal });
    const files = await Promise.all(paths.map((path) => localFile(folder, path, signal)));
    const plan: PushDocument = {
      dataset: ref.label,
      hash: ref.hash,
      name: args.name,
      endpoint: hubConnection(signal).endpoint,
      visibility,
      tag: ref.version ?? null,
      rows: result.rows,
      licences: result.licences,
      leftOut: result.leftOut,
      files: files.map(({ path, bytes: size, sha256 }) => ({ path, bytes: size, sha256 })),
      pushed: null,
    };
    const pushed = args["dry-run"] ? null : await upload(plan, files, signal);
    const document = { ...plan, pushed };
    process.stdout.write(
      args.json ? `${JSON.stringify(document, null, 2)}\n` : documentText(document),
    );
    return 0;
  },
);
