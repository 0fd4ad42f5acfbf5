/** Rows, pairs and cases as synthesis makes them, held on disk until it is known which of them stay, and where. */
import { type Message, fromWireMessage } from "../core/chat.ts";
import { type Conversation, type ConversationRow, toRow } from "../core/conversation.ts";
import type { Document } from "../core/document.ts";
import type { RunEvent } from "../core/events.ts";
import { sha256 } from "../core/hash.ts";
import type { Preference } from "../core/preference.ts";
import type { Recipe } from "../core/recipe.ts";
import type { ToolCase } from "../core/tool-case.ts";
import { type RowCount, countRow } from "./dataset-stats.ts";
import type { LedgerLine } from "./ledger.ts";
import { editPair } from "./preference/human-pairs.ts";
import { lastQuestion } from "./preference/prompts.ts";
import type { ReviewedRow, Reviewer } from "./review/apply-reviews.ts";
import { refusedLine } from "./row-lines.ts";
import { type SplitRow, splitRow } from "./split.ts";
import type { Spool } from "./spool.ts";
import { questionKey } from "./synth/cases.ts";
import { synthesize } from "./synth/synthesize.ts";
import type { MadeWorld } from "./write-worlds.ts";

/** Of the texts for a base model, this share is for its validation. */
const BASE_VALID = 0.02;

export interface RowSpools {
  dataset: Spool<ConversationRow>;
  base: Spool<ConversationRow>;
  cases: Spool<ToolCase>;
}

/** What synthesis made beside the spools. */
export interface MadeRows {
  split: SplitRow[];
  counts: RowCount[];
  /** 1 for rows of the base model's validation. */
  baseValid: number[];
  cases: number;
  worlds: MadeWorld[];
  rejected: Record<string, number>;
  /** Of rows that a person judged or the verifier refused. */
  lines: LedgerLine[];
  pairs: Preference[];
  /** Rows whose answer was edited, by their line in `split`. */
  edits: Map<number, Preference>;
  /** Where pairs are made: what each episode and each case asks last. */
  asked: { line: number; question: string }[];
  reserved: Set<string>;
}

/** What is asked last, in the form in which two questions are compared. */
export const askedBy = (messages: readonly Message[]): string =>
  questionKey(lastQuestion(messages));

/** The same documents, config and seed give the same rows, whatever comes after. */
export async function* makeRows(
  documents: Spool<Document>,
  written: readonly Conversation[],
  config: { curate: Recipe["curate"]; wantBase: boolean },
  seed: number,
  signal: AbortSignal,
  spools: RowSpools,
  reviewer: Reviewer | undefined,
): AsyncGenerator<RunEvent, MadeRows> {
  const made: MadeRows = {
    split: [],
    counts: [],
    baseValid: [],
    cases: 0,
    worlds: [],
    rejected: {},
    lines: [],
    pairs: [],
    edits: new Map(),
    asked: [],
    reserved: new Set(),
  };
  const { preference } = config.curate;
  const reject = (reason: string): void => {
    made.rejected[reason] = (made.rejected[reason] ?? 0) + 1;
  };
  for await (const item of synthesize(documents, {
    config: config.curate,
    seed,
    wantBase: config.wantBase,
    written,
    signal,
  })) {
    switch (item.to) {
      case "dataset": {
        const reviewed: ReviewedRow = reviewer?.row(item.row) ?? { row: item.row };
        const { row, reason, line } = reviewed;
        if (line) made.lines.push(line);
        if (reason !== undefined) reject(reason);
        if (!row) break;
        if (preference?.edits && reviewed.before)
          made.edits.set(made.split.length, editPair(reviewed.before, row));
        if (preference && row.tags.source === "episodes")
          made.asked.push({ line: made.split.length, question: askedBy(row.messages) });
        if (item.world) made.worlds.push({ line: made.split.length, world: item.world });
        made.split.push(splitRow(row));
        made.counts.push(countRow(row));
        await spools.dataset.append(toRow(row));
        break;
      }
      case "base":
        made.baseValid.push(
          Number.parseInt(sha256(item.row.id).slice(0, 8), 16) < BASE_VALID * 2 ** 32 ? 1 : 0,
        );
        await spools.base.append(toRow(item.row));
        break;
      case "cases":
        made.cases++;
        if (preference) made.reserved.add(askedBy(item.row.messages.map(fromWireMessage)));
        await spools.cases.append(item.row);
        break;
      case "preference":
        made.pairs.push(item.row);
        break;
      case "rejected":
        reject(item.reason);
        if (item.row) made.lines.push(refusedLine(item.row, item.reason, item.sameAs));
        break;
      case "progress":
        signal.throwIfAborted();
        yield {
          type: "progress",
          stage: "curate",
          label: item.label,
          done: item.done,
          ...(item.total !== undefined && { total: item.total }),
        };
    }
  }
  for (const spool of Object.values(spools)) await spool.finish();
  return made;
}
