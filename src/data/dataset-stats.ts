/** What a dataset is made of, counted: `stats.json`. */
import { z } from "zod";
import type { Conversation } from "../core/conversation.ts";
import type { Document } from "../core/document.ts";
import type { PairTally } from "./preference/admit-pairs.ts";
import { SIDES, type Side } from "./split.ts";
import { countWords } from "./steps/sentences.ts";

const Counts = z.record(z.string(), z.number());
type Counts = z.infer<typeof Counts>;

const OfSides = z.object({ train: z.number(), valid: z.number(), test: z.number() });

/** What a language model was asked for, and what came of it. */
export const WrittenStats = z.object({
  model: z.string(),
  terms: z.string(),
  prompts: z.array(z.string()),
  /** By kind: texts asked for, rows or pairs made, and why others were not. */
  kinds: z.record(z.string(), z.object({ texts: z.number(), kept: z.number(), dropped: Counts })),
  requests: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  /** In the currency of the recipe's prices. */
  cost: z.number().optional(),
});
export type WrittenStats = z.infer<typeof WrittenStats>;

/** `stats.json`. */
export const DatasetStats = z.object({
  schema: z.literal(1),
  rows: z.object({
    train: z.number(),
    valid: z.number(),
    test: z.number(),
    base: z.number(),
    "base-valid": z.number(),
    "tool-cases": z.number(),
    preference: z.number().optional(),
  }),
  /** Of all messages that the assistant says, over the three splits. */
  assistantWords: z.number(),
  domain: z.record(z.string(), OfSides),
  /** Tool episodes by what they teach, where the recipe mixes them. */
  category: Counts.default({}),
  persona: Counts,
  source: Counts,
  licence: Counts,
  template: Counts,
  /** Rows by who put them together: a program of this project, or the model that wrote them. */
  generator: Counts.default({}),
  /** Rows by how often the user speaks in them. */
  turns: Counts.default({}),
  synthetic: z.number(),
  /** Of the synthetic rows, what a language model wrote. */
  written: WrittenStats.extend({ rows: OfSides }).optional(),
  /** Synthetic rows that failed their checks, by reason. */
  rejected: Counts,
  documents: z.object({
    kept: z.number(),
    words: z.number(),
    source: Counts,
    kind: Counts,
    dropped: Counts,
  }),
  /** Preference pairs by kind and licence, and those left out, where the recipe asks for them. */
  preference: z.object({ kinds: Counts, licence: Counts, rejected: Counts }).optional(),
});
export type DatasetStats = z.infer<typeof DatasetStats>;

/** What `meta.generator` says of rows that a model wrote for this project. */
export const WRITTEN = "twainbot-written";

export interface RowCount {
  domain: string;
  persona: string;
  source: string;
  licence: string;
  template?: string;
  category?: string;
  generator?: string;
  turns: number;
  synthetic: boolean;
  /** By a language model. */
  written: boolean;
  words: number;
}

export function countRow(row: Conversation): RowCount {
  const { domain, persona, source, synthetic } = row.tags;
  const { licence, template, category, generator } = row.meta;
  const words = row.messages.reduce(
    (sum, message) => sum + (message.role === "assistant" ? countWords(message.content ?? "") : 0),
    0,
  );
  return {
    domain,
    persona,
    source,
    licence,
    ...(template !== undefined && { template }),
    ...(category !== undefined && { category }),
    ...(generator !== undefined && { generator }),
    turns: row.messages.filter((message) => message.role === "user").length,
    synthetic,
    written: row.meta.written !== undefined,
    words,
  };
}

const increment = (counts: Counts, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** Keys in order, so that equal datasets have equal files. */
const sorted = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));

export function datasetStats(input: {
  rows: readonly RowCount[];
  sides: Uint8Array;
  base: number;
  baseValid: number;
  toolCases: number;
  rejected: Counts;
  documents: Iterable<Document> & { readonly length: number };
  dropped: Counts;
  written?: WrittenStats;
  preference?: PairTally;
}): DatasetStats {
  const written: Record<Side, number> = { train: 0, valid: 0, test: 0 };
  const split: Record<Side, number> = { train: 0, valid: 0, test: 0 };
  const domain: Record<string, Record<Side, number>> = {};
  const counts = {
    category: {},
    persona: {},
    source: {},
    licence: {},
    template: {},
    generator: {},
    turns: {},
  } satisfies Record<string, Counts>;
  let assistantWords = 0;
  let synthetic = 0;
  for (const [i, row] of input.rows.entries()) {
    const side = SIDES[input.sides[i]!];
    // Taken out after the split.
    if (!side) continue;
    split[side]++;
    (domain[row.domain] ??= { train: 0, valid: 0, test: 0 })[side]++;
    for (const name of ["persona", "source", "licence"] as const)
      increment(counts[name], row[name]);
    increment(counts.turns, String(row.turns));
    if (row.template !== undefined) increment(counts.template, row.template);
    if (row.category !== undefined) increment(counts.category, row.category);
    if (row.generator !== undefined) increment(counts.generator, row.generator);
    assistantWords += row.words;
    if (row.synthetic) synthetic++;
    if (row.written) written[side]++;
  }
  const documents = {
    kept: input.documents.length,
    words: 0,
    source: {} as Counts,
    kind: {} as Counts,
    dropped: sorted(input.dropped),
  };
  for (const { text, source, kind } of input.documents) {
    documents.words += countWords(text);
    increment(documents.source, source);
    increment(documents.kind, kind);
  }
  return {
    schema: 1,
    rows: {
      ...split,
      base: input.base,
      "base-valid": input.baseValid,
      "tool-cases": input.toolCases,
      ...(input.preference && { preference: input.preference.rows }),
    },
    assistantWords,
    domain: sorted(domain),
    category: sorted(counts.category),
    persona: sorted(counts.persona),
    source: sorted(counts.source),
    licence: sorted(counts.licence),
    template: sorted(counts.template),
    generator: sorted(counts.generator),
    turns: sorted(counts.turns),
    synthetic,
    ...(input.written && { written: { ...input.written, rows: written } }),
    rejected: sorted(input.rejected),
    documents: { ...documents, source: sorted(documents.source), kind: sorted(documents.kind) },
    ...(input.preference && {
      preference: {
        kinds: sorted(input.preference.kinds),
        licence: sorted(input.preference.licence),
        rejected: sorted(input.preference.rejected),
      },
    }),
  };
}
