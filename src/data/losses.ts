/** How many records each source lost, and why: the alarm that stops a run in which a source is wiped out. */
import { TwainError } from "../core/errors.ts";
import type { LedgerLine } from "./ledger.ts";
import { EXACT_DUPLICATE, NEAR_DUPLICATE, REVIEW, SAME_MEANING } from "./pipeline.ts";

interface Counts {
  records: number;
  lost: number;
  near: number;
  reasons: Map<string, number>;
}

export interface LossLimits {
  /** Of the records of a source, by whatever step. */
  all: number;
  /** By removal of near duplicates alone, in words or in meaning. */
  near: number;
  /** What to do about a source over `near`. */
  onNear: "stop" | "report";
}

export interface Losses {
  add(line: LedgerLine): void;
  /**
   * Throws `curate/source-wiped` where a source lost more than its limits. Returns what is to be told of those that
   * are let pass.
   */
  check(limits: LossLimits): string[];
}

const percent = (part: number): number => Math.round(100 * part);

/**
 * Counts lines of the ledger. A record that was cut counts as its chunks. Exact duplicates do not count, nor
 * does what a person rejected: reposts and opinions are no sign of a broken rule.
 */
export function createLosses(): Losses {
  const sources = new Map<string, Counts>();
  return {
    add(line) {
      if (line.chunks) return;
      const last = line.verdicts.at(-1);
      const lost = last?.verdict === "drop";
      if (lost && (last.reason === EXACT_DUPLICATE || last.step === REVIEW)) return;
      let counts = sources.get(line.source);
      if (!counts) {
        counts = { records: 0, lost: 0, near: 0, reasons: new Map() };
        sources.set(line.source, counts);
      }
      counts.records++;
      if (!lost) return;
      counts.lost++;
      if (last.reason === NEAR_DUPLICATE || last.reason === SAME_MEANING) counts.near++;
      const reason = `${last.step}: ${last.reason}`;
      counts.reasons.set(reason, (counts.reasons.get(reason) ?? 0) + 1);
    },
    check(limits) {
      const told: string[] = [];
      for (const [source, { records, lost, near, reasons }] of sources) {
        if (near > records * limits.near) {
          const message = `${source} lost ${near} of ${records} records (${percent(near / records)} %) as near duplicates, more than ${percent(limits.near)} %`;
          if (limits.onNear === "stop") {
            throw new TwainError("curate/source-wiped", message, {
              hint: "Read what merged with what: twainbot why <record-id>. If the copies are true ones, raise curate.dedup.maxLoss or set curate.dedup.onLoss=report.",
            });
          }
          told.push(message);
        }
        if (lost <= records * limits.all) continue;
        const biggest = [...reasons].toSorted((a, b) => b[1] - a[1]).slice(0, 3);
        throw new TwainError(
          "curate/source-wiped",
          `${source} lost ${lost} of ${records} records (${percent(lost / records)} %), more than ${percent(limits.all)} %: ${biggest.map(([reason, count]) => `${count} ${reason}`).join(", ")}`,
          {
            hint: "If the losses are right, raise curate.maxLoss; otherwise mend the source or the setting that drops so much.",
          },
        );
      }
      return told;
    },
  };
}
