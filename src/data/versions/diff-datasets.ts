/** What changed from one dataset to another: rows by id and by content, what they are made of, how long they are. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { ConversationRow } from "../../core/conversation.ts";
import { canonicalJson } from "../../core/json.ts";
import { readJsonl } from "../../core/jsonl.ts";
import type { DatasetDir } from "../../core/run-dir.ts";
import { mayRedistribute } from "../../core/licence.ts";
import { SIDES, type Side } from "../split.ts";
import { countWords } from "../steps/sentences.ts";

/** A tool's schema takes longer to check than the rest of its row, and here only its bytes count. */
const DiffRow = ConversationRow.extend({ tools: z.unknown().optional() });
type DiffRow = z.infer<typeof DiffRow>;

type Counts = Record<string, number>;

/** What rows are counted by. */
const facets = {
  split: (_row: DiffRow, side: Side) => side,
  domain: (row: DiffRow) => row.tags.domain,
  persona: (row: DiffRow) => row.tags.persona,
  tone: (row: DiffRow) => row.tags.tone,
  device: (row: DiffRow) => row.tags.device,
  source: (row: DiffRow) => row.tags.source,
  licence: (row: DiffRow) => row.meta.licence,
  template: (row: DiffRow) => row.meta.template,
  generator: (row: DiffRow) => row.meta.generator,
  synthetic: (row: DiffRow) => (row.tags.synthetic ? "synthetic" : "written by people"),
  turns: (row: DiffRow) => String(row.messages.filter(({ role }) => role === "user").length),
  "may be handed on": (row: DiffRow) => (mayRedistribute(row.meta.licence) ? "yes" : "no"),
} satisfies Record<string, (row: DiffRow, side: Side) => string | undefined>;
export type Facet = keyof typeof facets;
export const FACETS = Object.keys(facets) as Facet[];

interface RowFacts {
  side: Side;
  /** Hash of messages and tools: what a model reads. */
  content: string;
  /** Hash of tags and lineage. */
  label: string;
}

interface DatasetFacts {
  rows: Map<string, RowFacts>;
  facets: Record<Facet, Counts>;
  /** Words of the assistant, of each row. */
  words: number[];
  /** Characters of all messages, of each row. */
  characters: number[];
}

const digest = (value: unknown): string =>
  createHash("sha256").update(canonicalJson(value)).digest("base64url").slice(0, 22);

/** Holds a few hundred bytes a row. */
async function factsOf(dataset: DatasetDir, signal: AbortSignal): Promise<DatasetFacts> {
  const facts: DatasetFacts = {
    rows: new Map(),
    facets: Object.fromEntries(FACETS.map((name) => [name, {}])) as Record<Facet, Counts>,
    words: [],
    characters: [],
  };
  for (const side of SIDES) {
    for await (const row of readJsonl(dataset[side], DiffRow)) {
      signal.throwIfAborted();
      // An id should be there once; where it is not, every row still counts.
      let id = row.id;
      for (let copy = 2; facts.rows.has(id); copy++) id = `${row.id} (${copy})`;
      facts.rows.set(id, {
        side,
        content: digest([row.messages, row.tools ?? null]),
        label: digest([row.tags, row.meta]),
      });
      for (const name of FACETS) {
        const value = facets[name](row, side);
        if (value === undefined) continue;
        facts.facets[name][value] = (facts.facets[name][value] ?? 0) + 1;
      }
      let words = 0;
      let characters = 0;
      for (const { role, content } of row.messages) {
        if (role === "assistant") words += countWords(content ?? "");
        characters += (content ?? "").length;
      }
      facts.words.push(words);
      facts.characters.push(characters);
    }
  }
  return facts;
}

export interface Lengths {
  mean: number;
  median: number;
  p90: number;
  total: number;
}

function lengthsOf(values: readonly number[]): Lengths {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const total = sorted.reduce((sum, value) => sum + value, 0);
  return { mean: total / Math.max(1, sorted.length), median: at(0.5), p90: at(0.9), total };
}

/** What can have happened to a row; each row of either dataset is counted once. */
const FATES = ["same", "relabelled", "renamed", "changed", "removed", "added"] as const;
export type Fate = (typeof FATES)[number];

export interface DatasetDiff {
  /**
   * `same` in id, content and label; `relabelled`: other tags or lineage; `renamed`: the same content under another id;
   * `changed`: other content under the same id; `removed` and `added` have neither.
   */
  rows: Record<Fate, number>;
  /** Rows with the same content on another side of the split, such as `test → train`. */
  moved: Counts;
  /** The first few ids of each, for a look. */
  examples: Partial<Record<Fate, string[]>>;
  facets: Record<Facet, { value: string; from: number; to: number }[]>;
  lengths: Record<"assistant words" | "characters", { from: Lengths; to: Lengths }>;
}

const EXAMPLES = 5;

function compareRows(
  from: ReadonlyMap<string, RowFacts>,
  to: ReadonlyMap<string, RowFacts>,
): Pick<DatasetDiff, "rows" | "moved" | "examples"> {
  const rows = Object.fromEntries(FATES.map((fate) => [fate, 0])) as Record<Fate, number>;
  const examples: DatasetDiff["examples"] = {};
  const moved: Counts = {};
  const note = (fate: Fate, id: string): void => {
    rows[fate]++;
    const list = (examples[fate] ??= []);
    if (fate !== "same" && list.length < EXAMPLES) list.push(id);
  };
  const pair = (fate: Fate, id: string, a: RowFacts, b: RowFacts): void => {
    note(fate, id);
    if (a.side === b.side) return;
    const way = `${a.side} → ${b.side}`;
    moved[way] = (moved[way] ?? 0) + 1;
  };
  const left: [string, RowFacts][] = [];
  for (const [id, a] of from) {
    const b = to.get(id);
    if (b?.content === a.content) pair(b.label === a.label ? "same" : "relabelled", id, a, b);
    else left.push([id, a]);
  }
  // Ids are numbers in order of making: one row more, and every later content has another id.
  const byContent = new Map<string, string[]>();
  for (const [id, b] of to) {
    if (from.get(id)?.content === b.content) continue;
    const ids = byContent.get(b.content);
    if (ids) ids.push(id);
    else byContent.set(b.content, [id]);
  }
  const lost: string[] = [];
  for (const [id, a] of left) {
    const other = byContent.get(a.content)?.shift();
    if (other === undefined) lost.push(id);
    else pair("renamed", `${id} → ${other}`, a, to.get(other)!);
  }
  const fresh = new Set([...byContent.values()].flat());
  for (const id of lost) note(fresh.delete(id) ? "changed" : "removed", id);
  for (const id of to.keys()) if (fresh.has(id)) note("added", id);
  delete examples.same;
  return { rows, moved, examples };
}

/** Compares the three splits of two datasets. Throws `core/bad-jsonl`. */
export async function diffDatasets(
  from: DatasetDir,
  to: DatasetDir,
  signal: AbortSignal,
): Promise<DatasetDiff> {
  const a = await factsOf(from, signal);
  const b = await factsOf(to, signal);
  const counts = (name: Facet): { value: string; from: number; to: number }[] =>
    [...new Set([...Object.keys(a.facets[name]), ...Object.keys(b.facets[name])])]
      .toSorted()
      .map((value) => ({
        value,
        from: a.facets[name][value] ?? 0,
        to: b.facets[name][value] ?? 0,
      }));
  return {
    ...compareRows(a.rows, b.rows),
    facets: Object.fromEntries(FACETS.map((name) => [name, counts(name)])) as DatasetDiff["facets"],
    lengths: {
      "assistant words": { from: lengthsOf(a.words), to: lengthsOf(b.words) },
      characters: { from: lengthsOf(a.characters), to: lengthsOf(b.characters) },
    },
  };
}
