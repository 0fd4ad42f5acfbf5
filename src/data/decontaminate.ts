/** Takes the rows out of training that say what an evaluation asks. */
import { setImmediate } from "node:timers/promises";
import type { ConversationRow } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import type { Recipe } from "../core/recipe.ts";
import type { ToolCase } from "../core/tool-case.ts";
import { type Contamination, createContaminationIndex } from "./contamination.ts";
import { type Said, caseText, fileTexts, testTexts, textsOf } from "./eval-texts.ts";
import type { LedgerLine } from "./ledger.ts";

export type DecontaminateConfig = NonNullable<Recipe["curate"]["decontaminate"]>;

/** Rows between two turns of the event loop. */
const BREATH = 1024;

export const DECONTAMINATE = "decontaminate";

/** The ledger's line of a row that went. */
function lineOf(row: ConversationRow, found: Contamination): LedgerLine {
  const { reason, set, item, words, similarity } = found;
  const [parent] = row.meta.parents;
  return {
    id: row.id,
    source: row.tags.source,
    licence: row.meta.licence,
    kind: "row",
    ...(parent !== undefined && { parent }),
    verdicts: [
      {
        step: DECONTAMINATE,
        verdict: "drop",
        reason: `${reason} in ${set}`,
        ...(similarity !== undefined && {
          numbers: { similarity: Math.round(similarity * 1000) / 1000 },
        }),
        match: { set, item, words },
      },
    ],
    text: textsOf(row).texts.join("\n\n"),
  };
}

export interface TrainRows {
  /** Read twice. */
  rows: Iterable<ConversationRow>;
  /** Whether the row with this number is for training. */
  trained(line: number): boolean;
}

export interface Decontaminated {
  removed: Set<number>[];
  lines: LedgerLine[];
  /** For what is none of the rows. */
  judge(said: Said): Contamination | undefined;
}

/**
 * Numbers and ledger lines of the rows that go, for each of `training`. Throws `curate/contaminated` where a domain
 * would lose more than `maxLoss` of its rows, and `curate/bad-eval-set`.
 */
export async function decontaminate(
  training: readonly TrainRows[],
  evaluation: { cases: Iterable<ToolCase>; test: Iterable<ConversationRow> },
  config: DecontaminateConfig,
  signal: AbortSignal,
): Promise<Decontaminated> {
  const index = createContaminationIndex(config);
  for (const row of evaluation.cases) index.add(caseText(row));
  for (const row of evaluation.test) for (const text of testTexts(row)) index.add(text);
  for (const path of config.files) for await (const text of fileTexts(path)) index.add(text);

  const each = async function* ({
    rows,
    trained,
  }: TrainRows): AsyncGenerator<[number, ConversationRow]> {
    let line = 0;
    for (const row of rows) {
      // Rows come without waiting; Ctrl-C would never be heard.
      if (line % BREATH === 0) await setImmediate();
      signal.throwIfAborted();
      if (trained(line)) yield [line, row];
      line++;
    }
  };
  for (const set of training) for await (const [, row] of each(set)) index.count(textsOf(row));

  const lines: LedgerLine[] = [];
  const domains = new Map<string, { rows: number; lost: number }>();
  const exampleOf = new Map<string, string>();
  const removed: Set<number>[] = [];
  for (const set of training) {
    const gone = new Set<number>();
    for await (const [line, row] of each(set)) {
      let counts = domains.get(row.tags.domain);
      if (!counts) domains.set(row.tags.domain, (counts = { rows: 0, lost: 0 }));
      counts.rows++;
      const found = index.judge(textsOf(row));
      if (!found) continue;
      counts.lost++;
      exampleOf.set(row.tags.domain, row.id);
      gone.add(line);
      lines.push(lineOf(row, found));
    }
    removed.push(gone);
  }
  for (const [domain, { rows, lost }] of domains) {
    if (lost <= rows * config.maxLoss) continue;
    throw new TwainError(
      "curate/contaminated",
      `${lost} of ${rows} rows for training of the domain ${domain} say what an evaluation asks, such as ${exampleOf.get(domain)}`,
      {
        hint: "Look whether the evaluation was made from the same texts. If the losses are right, raise curate.decontaminate.maxLoss.",
      },
    );
  }
  return { removed, lines, judge: (said) => index.judge(textsOf(said)) };
}
