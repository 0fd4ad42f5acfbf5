/** Which record or row is meant by an id, or by the beginning of one. */
import { TwainError } from "../core/errors.ts";
import { nearest } from "../core/recipe-errors.ts";
import { fateOf } from "./record-head.ts";
import type { RunRecords } from "./run-records.ts";

export interface FoundId {
  type: "record" | "row" | "case";
  id: string;
}

/** Ids that an error message shows. */
const SHOWN = 3;
/** Ids that are compared at once. */
const POOL = 4096;

async function* allIds(records: RunRecords): AsyncGenerator<FoundId> {
  for await (const line of records.ledger()) {
    // A row that a person judged has a line there; it is still a row, unless that was its end.
    const lives = line.kind === "row" && fateOf(line).outcome === "kept";
    if (!lives) yield { type: "record", id: line.id };
  }
  for await (const { row } of records.rows()) yield { type: "row", id: row.id };
  for await (const { id } of records.cases()) yield { type: "case", id };
}

/** The ids nearest to one that is none: those that hold it, the shortest first, then those typed nearly so. */
async function nearestIds(records: RunRecords, asked: string): Promise<string[]> {
  let holding: string[] = [];
  let near: string[] = [];
  const closest = (): string[] => {
    const found: string[] = [];
    while (found.length < SHOWN) {
      const left = near.filter((id) => !found.includes(id));
      const id = nearest(asked, left);
      if (id === undefined) break;
      found.push(id);
    }
    return found;
  };
  for await (const { id } of allIds(records)) {
    if (id.includes(asked))
      holding = [...holding, id].toSorted((a, b) => a.length - b.length).slice(0, SHOWN);
    else if (near.push(id) >= POOL) near = closest();
  }
  return [...holding, ...closest()].slice(0, SHOWN);
}

/**
 * The id itself where there is one, else the only id that begins with it. Throws `data/unknown-id` with the
 * nearest ids, and `data/ambiguous-id` with some of those that begin so.
 */
export async function findId(records: RunRecords, asked: string): Promise<FoundId> {
  const begun: FoundId[] = [];
  let beginnings = 0;
  let searched = 0;
  for await (const found of allIds(records)) {
    if (found.id === asked) return found;
    searched++;
    if (!found.id.startsWith(asked)) continue;
    beginnings++;
    if (begun.length < SHOWN) begun.push(found);
  }
  const [only] = begun;
  if (only && beginnings === 1) return only;
  if (only) {
    throw new TwainError("data/ambiguous-id", `${beginnings} ids begin with ${asked}`, {
      hint: `Write more of it. The first of them: ${begun.map(({ id }) => id).join(", ")}.`,
    });
  }
  const guesses = await nearestIds(records, asked);
  throw new TwainError(
    "data/unknown-id",
    `none of ${searched} records and rows is ${asked}${records.complete ? "" : "; the curate stage of this run is not finished, so it has no rows yet"}`,
    {
      hint:
        guesses.length > 0
          ? `Nearest: ${guesses.join(", ")}.`
          : "Ids look like gutenberg:76, gutenberg:76#4 or episode-000123; curate/ledger.jsonl and dataset/ of the run hold them all.",
    },
  );
}
