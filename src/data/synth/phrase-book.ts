/**
 * Keeps a dataset from saying one written sentence over and over: the least said comes next. A finished answer has a
 * limit too; a phrasing of a question, filled with another place each time, has none but its turn.
 */
import type { Random } from "../../core/random.ts";
import type { Template } from "./ask.ts";

/** A finished text, or a phrasing of a question, which goes by its id. */
type Wording = string | Template;

const keyOf = (wording: Wording): string => (typeof wording === "string" ? wording : wording.id);

/** What one row says. */
export interface Draft {
  /** One of those that were said least. */
  pick<W extends Wording>(wordings: readonly W[], random: Random): W;
  /** Whether one of these answers may still be said. */
  hasLeft(answers: readonly string[]): boolean;
  /** Whether the row gives an answer that was said often enough. */
  isWorn(): boolean;
  /** Counts it. */
  keep(): void;
}

/** One answer in at most one of 125 rows, or 24 times where they are few. */
export const mostSaid = (rows: number): number => Math.max(24, Math.ceil(rows / 125));

/** Returns what begins the draft of a row; `most` is how often an answer may be said. */
export function createPhraseBook(most = Infinity): () => Draft {
  const said = new Map<string, number>();
  const timesSaid = (wording: Wording): number => said.get(keyOf(wording)) ?? 0;
  return () => {
    const picked: Wording[] = [];
    return {
      pick(wordings, random) {
        const least = wordings.reduce((low, each) => Math.min(low, timesSaid(each)), Infinity);
        const wording = random.pick(wordings.filter((each) => timesSaid(each) === least));
        picked.push(wording);
        return wording;
      },
      hasLeft: (wordings) => wordings.some((each) => timesSaid(each) < most),
      isWorn: () => picked.some((each) => typeof each === "string" && timesSaid(each) >= most),
      keep() {
        for (const each of picked) said.set(keyOf(each), timesSaid(each) + 1);
      },
    };
  };
}
