/** The records and rows of a run folder, read as streams: none of these files is held in memory. */
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ConversationRow } from "../core/conversation.ts";
import { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import { readJsonl } from "../core/jsonl.ts";
import type { RunDir } from "../core/run-dir.ts";
import { outputsMatch, readManifest } from "../core/stage.ts";
import { ToolCase } from "../core/tool-case.ts";
import { LedgerLine } from "./ledger.ts";

/** A tool's schema takes longer to check than the rest of its row, and nobody asks for it here. */
const Unread = { tools: z.unknown().optional() };
const Row = ConversationRow.extend(Unread);
const Case = ToolCase.extend(Unread);
export type ReadRow = Omit<z.infer<typeof Row>, "tools">;
export type ReadCase = Omit<z.infer<typeof Case>, "tools">;

export type RowSplit = "train" | "valid" | "test" | "base" | "base-valid";

export interface RunRecords {
  /** False where the curate stage is not finished: then there are no kept documents, rows and cases. */
  readonly complete: boolean;
  ledger(): AsyncGenerator<LedgerLine>;
  /** As the sources gave them, in the recipe's order, then the texts that a model wrote. */
  collected(): AsyncGenerator<Document>;
  /** As they came out of the last step; those that a model wrote may also be dropped ones. */
  kept(): AsyncGenerator<Document>;
  rows(): AsyncGenerator<{ split: RowSplit; row: ReadRow }>;
  cases(): AsyncGenerator<ReadCase>;
}

/** The first item that passes; the rest is not read. */
export async function firstOf<T>(
  items: AsyncIterable<T>,
  passes: (item: T) => boolean,
): Promise<T | undefined> {
  for await (const item of items) if (passes(item)) return item;
  return undefined;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** `0-gutenberg.jsonl` before `10-bundled.jsonl`. */
async function collectedFiles(dir: RunDir): Promise<string[]> {
  const names = await readdir(dir.documents).catch(() => []);
  return names
    .filter((name) => /^\d+-.*\.jsonl$/.test(name))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => join(dir.documents, name));
}

/** Throws `data/no-ledger` where curation has not come to its ledger yet. */
export async function openRunRecords(dir: RunDir, signal: AbortSignal): Promise<RunRecords> {
  if (!(await exists(dir.ledger))) {
    throw new TwainError("data/no-ledger", `${dir.root} has no curate/ledger.jsonl`, {
      hint: "Run the curate stage first: twainbot curate <recipe>.",
    });
  }
  const manifest = await readManifest(dir, "curate");
  // A run that stopped leaves its ledger beside the dataset of the run before it.
  const complete = manifest !== undefined && (await outputsMatch(dir, manifest));

  async function* read<S extends z.ZodType>(path: string, schema: S): AsyncGenerator<z.output<S>> {
    for await (const item of readJsonl(path, schema)) {
      signal.throwIfAborted();
      yield item;
    }
  }
  const { train, valid, test, base, baseValid, toolCases } = dir.dataset;
  const splits: [RowSplit, string][] = [
    ["train", train],
    ["valid", valid],
    ["test", test],
    ["base", base],
    ["base-valid", baseValid],
  ];
  return {
    complete,
    async *ledger() {
      yield* read(dir.ledger, LedgerLine);
      if (complete && (await exists(dir.contaminated))) yield* read(dir.contaminated, LedgerLine);
    },
    async *collected() {
      for (const path of await collectedFiles(dir)) yield* read(path, Document);
      if (await exists(dir.written)) yield* read(dir.written, Document);
    },
    async *kept() {
      if (!complete) return;
      yield* read(dir.curated, Document);
      if (await exists(dir.written)) yield* read(dir.written, Document);
    },
    async *rows() {
      if (!complete) return;
      for (const [split, path] of splits)
        for await (const row of read(path, Row)) yield { split, row };
    },
    async *cases() {
      if (complete) yield* read(toolCases, Case);
    },
  };
}
