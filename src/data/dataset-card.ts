/** What a dataset is made of: `stats.json`, and the same for people in `README.md`. */
import type { Conversation } from "../core/conversation.ts";
import type { Document } from "../core/document.ts";
import type { Recipe } from "../core/recipe.ts";
import { versions } from "../core/versions.ts";
import { SIDES, type Side } from "./split.ts";
import { countWords } from "./steps/sentences.ts";

type Counts = Record<string, number>;

export interface DatasetStats {
  schema: 1;
  rows: Record<Side | "base" | "base-valid" | "tool-cases", number>;
  /** Of all messages that the assistant says, over the three splits. */
  assistantWords: number;
  domain: Record<string, Record<Side, number>>;
  persona: Counts;
  source: Counts;
  licence: Counts;
  template: Counts;
  /** Rows by how often the user speaks in them. */
  turns: Counts;
  synthetic: number;
  /** Synthetic rows that failed their checks, by reason. */
  rejected: Counts;
  documents: { kept: number; words: number; source: Counts; kind: Counts; dropped: Counts };
}

export interface RowCount {
  domain: string;
  persona: string;
  source: string;
  licence: string;
  template?: string;
  turns: number;
  synthetic: boolean;
  words: number;
}

export function countRow(row: Conversation): RowCount {
  const { domain, persona, source, synthetic } = row.tags;
  const { licence, template } = row.meta;
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
    turns: row.messages.filter((message) => message.role === "user").length,
    synthetic,
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
}): DatasetStats {
  const split: Record<Side, number> = { train: 0, valid: 0, test: 0 };
  const domain: Record<string, Record<Side, number>> = {};
  const counts = { persona: {}, source: {}, licence: {}, template: {}, turns: {} } satisfies Record<
    string,
    Counts
  >;
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
    assistantWords += row.words;
    if (row.synthetic) synthetic++;
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
    },
    assistantWords,
    domain: sorted(domain),
    persona: sorted(counts.persona),
    source: sorted(counts.source),
    licence: sorted(counts.licence),
    template: sorted(counts.template),
    turns: sorted(counts.turns),
    synthetic,
    rejected: sorted(input.rejected),
    documents: { ...documents, source: sorted(documents.source), kind: sorted(documents.kind) },
  };
}

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const share = (part: number, all: number): string =>
  `${((100 * part) / Math.max(1, all)).toFixed(1)} %`;

/** The dataset card: what is in it, under which licences, how it was made, what it is not good for. */
export function datasetCard(recipe: Recipe, stats: DatasetStats): string {
  const { rows } = stats;
  const all = rows.train + rows.valid + rows.test;
  const { split, chunk, dedup } = recipe.curate;
  const restricted = Object.keys(stats.licence).some((licence) =>
    licence.includes("not redistributed"),
  );
  return `# Dataset of the recipe ${recipe.name}

${recipe.description || "Conversations for fine-tuning a small language model."}

Made by TwainBot ${versions().twainbot} with seed ${recipe.seed}. The same recipe and inputs give the same bytes.

## Composition

${table(
  ["split", "rows"],
  Object.entries(rows).map(([name, count]) => [`\`${name}.jsonl\``, count]),
)}

${table(
  ["domain", "train", "valid", "test", "share"],
  Object.entries(stats.domain).map(([name, count]) => [
    name,
    count.train,
    count.valid,
    count.test,
    share(count.train + count.valid + count.test, all),
  ]),
)}

${table(["persona", "rows"], Object.entries(stats.persona))}

${table(["times that the user speaks", "rows"], Object.entries(stats.turns))}

${stats.assistantWords} words are said by the assistant. ${share(stats.synthetic, all)} of the rows are synthetic and say so in \`tags.synthetic\`.

## Sources and licences

${table(["source", "rows"], Object.entries(stats.source))}

${table(["licence", "rows"], Object.entries(stats.licence))}

Every row names its licence and the documents that it was made from (\`meta.parents\`).${restricted ? " Some licences do not allow redistribution: do not publish this dataset as a whole." : ""}

## How it was made

${stats.documents.kept} documents (${stats.documents.words} words) were kept after cleaning, checks of length, language, quality, safety and personal data, and deduplication. Books were cut into passages of ${chunk.minWords} to ${chunk.maxWords} words at the ends of sentences. Near duplicates share at least ${dedup.threshold} of their ${dedup.shingle}-word shingles with a text that stayed. \`curate/ledger.jsonl\` has every verdict on every record.

${table(["dropped because", "records"], Object.entries(stats.documents.dropped))}

Rows with one \`meta.split_key\` (a work, a phrasing) are on one side only; ${split.valid} of the rows were asked for in validation and ${split.test} in test, within every domain, source and persona. Tool calls were run against an offline weather provider, and an answer states no weather that its tool result does not.

${table(["rejected synthetic rows", "rows"], Object.entries(stats.rejected))}

## Known limits

- English only, and mostly the English of nineteenth-century white American men; passages with slurs were dropped, the views behind them were not.
- The questions and calls of the tool episodes come from templates: a model can do well on them and still fail on phrasings that nobody thought of. \`tool-cases.jsonl\` has phrasings and places that training never sees.
- Weather in the episodes is invented by a seeded provider, not observed.
- Safety filters are word lists. They miss what they do not list, and drop some harmless texts.
`;
}
