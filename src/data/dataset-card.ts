/** The dataset card, as the Hugging Face hub reads it: what is in a dataset, under which licences, how it was made. */
import { basename } from "node:path";
import { hubLicence, mayRedistribute, restrictedRows } from "../core/licence.ts";
import type { Recipe } from "../core/recipe.ts";
import { versions } from "../core/versions.ts";
import { type DatasetStats, WRITTEN } from "./dataset-stats.ts";
import { countWrittenPairs } from "./preference/written-pairs.ts";
import { SIDES } from "./split.ts";

export interface CardOptions {
  /** What a loader is to read: Parquet lies beside the JSON lines. */
  files: "jsonl" | "parquet";
  /** Whether a file of preference pairs lies beside the splits. */
  preference?: boolean;
  /** Rows that were left out of this copy, by reason. */
  leftOut?: Record<string, number>;
  /** `v1.2`, where the dataset is a version. */
  version?: string;
}

type Counts = Record<string, number>;

const cell = (text: string | number): string =>
  String(text).replaceAll("|", "\\|").replaceAll("\n", " ");

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map(cell).join(" | ")} |`)
    .join("\n");

const share = (part: number, all: number): string =>
  `${((100 * part) / Math.max(1, all)).toFixed(1)} %`;

const shares = (counts: Counts, all: number): (string | number)[][] =>
  Object.entries(counts).map(([name, count]) => [name, count, share(count, all)]);

/** Templates are numbered within their family: `banter:17`. */
function families(templates: Counts): Counts {
  const found: Counts = {};
  for (const [name, count] of Object.entries(templates)) {
    const family = name.split(":")[0]!;
    found[family] = (found[family] ?? 0) + count;
  }
  return found;
}

/** Programs of this project put rows together from texts and templates, but for one, which asks a model; any other generator is a model. */
export const isModelWritten = (generator: string | undefined): boolean =>
  generator === WRITTEN || (generator !== undefined && !generator.startsWith("twainbot-"));

const rowsOf = (counts: Counts, of: (name: string) => boolean): number =>
  Object.entries(counts).reduce((sum, [name, count]) => sum + (of(name) ? count : 0), 0);

/** The hub's classes, by powers of ten. */
function sizeCategory(rows: number): string {
  const bounds = ["1K", "10K", "100K", "1M", "10M", "100M", "1B"];
  const at = bounds.findIndex((_, i) => rows < 10 ** (i + 3));
  if (at === 0) return "n<1K";
  return at < 0 ? "n>1T" : `${bounds[at - 1]}<n<${bounds[at]}`;
}

type Yaml = string | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

/** YAML of plain data; every text is quoted, as JSON is YAML too. */
function yaml(value: Yaml, indent = ""): string {
  if (typeof value === "string" || typeof value === "boolean") return ` ${JSON.stringify(value)}`;
  const inner = (item: Yaml): string => yaml(item, `${indent}  `);
  if (Array.isArray(value))
    return (value as readonly Yaml[])
      .map((item) => {
        const text = inner(item);
        return `\n${indent}-${text.startsWith("\n") ? ` ${text.trimStart()}` : text}`;
      })
      .join("");
  return Object.entries(value as { readonly [key: string]: Yaml })
    .map(([key, item]) => `\n${indent}${key}:${inner(item)}`)
    .join("");
}

/** One licence where all rows have it; else each row names its own. */
function licenceFields(licences: Counts): Record<string, Yaml> {
  const [first, ...others] = Object.keys(licences);
  const known = first !== undefined && others.length === 0 ? hubLicence(first) : undefined;
  return known === undefined ? { license: "other", license_name: "per-row" } : { license: known };
}

function frontMatter(recipe: Recipe, stats: DatasetStats, options: CardOptions): string {
  const { train, valid, test } = stats.rows;
  const file = (split: string, name: string): Yaml => ({ split, path: `${name}.${options.files}` });
  const fields: Record<string, Yaml> = {
    pretty_name: recipe.name,
    language: [recipe.curate.language],
    ...licenceFields(stats.licence),
    task_categories: ["text-generation"],
    size_categories: [sizeCategory(train + valid + test)],
    tags: ["twainbot", "conversational", "function-calling"],
    configs: [
      {
        config_name: "default",
        default: true,
        data_files: [
          file("train", "train"),
          ...(valid > 0 ? [file("validation", "valid")] : []),
          ...(test > 0 ? [file("test", "test")] : []),
        ],
      },
      ...(options.preference
        ? [{ config_name: "preference", data_files: [file("train", "preference")] }]
        : []),
    ],
  };
  return `---${yaml(fields)}\n---\n`;
}

/** Beside Parquet there are always the same rows as JSON lines. */
const filesOf = (name: string, files: CardOptions["files"]): string =>
  files === "parquet" ? `\`${name}.parquet\`, \`${name}.jsonl\`` : `\`${name}.jsonl\``;

function writtenSection(
  { model, terms, prompts, kinds, rows, ...spent }: NonNullable<DatasetStats["written"]>,
  pairs: number,
): string {
  const most = (dropped: Counts): string =>
    Object.entries(dropped)
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, 4)
      .map(([reason, count]) => `${count} ${reason}`)
      .join(", ");
  return `## Written by a language model

${rows.train} rows of train, ${rows.valid} of valid and ${rows.test} of test were written by \`${model}\`, as a whole or in part; each says so in \`meta.written\`, with the prompt and the sample. Its terms, as the recipe gives them: ${terms}.

${table(
  ["kind", "asked for", "kept", "most frequent reasons of the others"],
  Object.entries(kinds).map(([name, { texts, kept, dropped }]) => [
    name,
    texts,
    kept,
    most(dropped),
  ]),
)}

Prompts: ${prompts.join(", ")}. It took ${spent.requests} requests, ${spent.inputTokens} tokens of prompts and ${spent.outputTokens} of answers${spent.cost === undefined ? "" : `, which cost ${spent.cost} in the currency of the recipe's prices`}. Kept pairs of \`contrast\` are in \`curate/contrast.jsonl\`, not among the rows${pairs > 0 ? `; ${pairs} of them are preference pairs` : ""}.

`;
}

function preferenceSection({ preference, written }: DatasetStats): string {
  if (!preference) return "";
  const ours = countWrittenPairs(preference.kinds);
  return `## Preference pairs

\`preference.jsonl\` has pairs of a better and a worse answer to one prompt. Each better one passed the checks of the rows; each worse one failed where it should: another decision was right (call, ask, decline or answer), the voice was not the one asked for, or it states weather that no tool reported. No prompt of validation, test or \`tool-cases.jsonl\` is among them, and pairs with one prompt have one \`meta.split_key\`.${ours > 0 ? ` In ${ours} of them the worse answer was written for it by ${written ? `\`${written.model}\`` : "a language model"}; each says so in \`meta.written\`, with the prompt and the sample. Where no tool was asked, nothing proves that it is bland: it was asked to be, and is unlike the better one.` : ""}

${table(["better, not worse", "pairs"], Object.entries(preference.kinds))}

${table(["licence", "pairs"], Object.entries(preference.licence))}

${table(["left out because", "pairs"], Object.entries(preference.rejected))}

`;
}

function categoryTable({ category }: DatasetStats): string {
  const all = Object.values(category).reduce((sum, count) => sum + count, 0);
  return all === 0 ? "" : `${table(["tool episodes", "rows", "share"], shares(category, all))}\n\n`;
}

/** What models in local folders had to say in it; their paths are nobody's business. */
function modelsNote({ curate: { dedup, toxicity } }: Recipe): string {
  const { embeddings } = dedup;
  return [
    embeddings &&
      ` Texts${embeddings.kinds ? ` (${embeddings.kinds.join(", ")})` : ""} whose embeddings by ${basename(embeddings.model)} have a cosine similarity of ${embeddings.threshold} or more with that of a text that stayed were removed.`,
    toxicity?.action === "drop" &&
      ` Texts${toxicity.kinds ? ` (${toxicity.kinds.join(", ")})` : ""} that the classifier ${basename(toxicity.model)} scored ${toxicity.threshold} or more were dropped.`,
  ]
    .filter((note) => note)
    .join("");
}

export function datasetCard(recipe: Recipe, stats: DatasetStats, options: CardOptions): string {
  const { rows } = stats;
  const all = rows.train + rows.valid + rows.test;
  const { split, chunk, dedup, language } = recipe.curate;
  const restricted = restrictedRows(stats.licence);
  const written = rowsOf(stats.generator, isModelWritten);
  const leftOut = Object.entries(options.leftOut ?? {});
  return `${frontMatter(recipe, stats, options)}
# Dataset of the recipe ${recipe.name}${options.version === undefined ? "" : `, ${options.version}`}

${recipe.description || "Conversations for fine-tuning a small language model."}

Made by TwainBot ${versions().twainbot} with seed ${recipe.seed}. The same recipe and inputs give the same bytes.

## Composition

${table(
  ["split", "files", "rows"],
  Object.entries(rows)
    .filter(([name, count]) => count > 0 || SIDES.some((side) => side === name))
    .map(([name, count]) => [name, filesOf(name, options.files), count]),
)}
${rows.base > 0 ? "\n`train`, `valid` and `test` are conversations; `base` and `base-valid` are for a base model from scratch, `tool-cases` are questions of the evaluation.\n" : ""}${leftOut.length > 0 ? `\nLeft out of this copy:\n\n${table(["reason", "rows"], leftOut)}\n` : ""}
${table(
  ["domain", ...SIDES, "share"],
  Object.entries(stats.domain).map(([name, count]) => [
    name,
    ...SIDES.map((side) => count[side]),
    share(count.train + count.valid + count.test, all),
  ]),
)}

${categoryTable(stats)}${table(["persona", "rows", "share"], shares(stats.persona, all))}

${table(["times that the user speaks", "rows", "share"], shares(stats.turns, all))}

${table(["family of templates", "rows", "share"], shares(families(stats.template), all))}

Language: \`${language}\`; documents in another were dropped. ${stats.assistantWords} words are said by the assistant.

## Who wrote it

${share(stats.synthetic, all)} of the rows are synthetic (\`tags.synthetic\`): put together from templates and tool results, or written by a model. ${share(written, all)} were written by a language model (\`meta.generator\` names it).

${table(["put together by", "rows", "share"], shares(stats.generator, all))}

## Sources and licences

${table(["source", "rows", "share"], shares(stats.source, all))}

${table(
  ["licence", "rows", "share", "may be handed on"],
  shares(stats.licence, all).map((cells) => [
    ...cells,
    mayRedistribute(String(cells[0])) ? "yes" : "no",
  ]),
)}

Every row names its licence and the documents that it was made from (\`meta.licence\`, \`meta.parents\`).${restricted > 0 ? ` **${restricted} rows may not be handed on: do not publish this dataset as a whole.**` : ""}

${stats.written ? writtenSection(stats.written, countWrittenPairs(stats.preference?.kinds ?? {})) : ""}## How it was made

${stats.documents.kept} documents (${stats.documents.words} words) were kept after cleaning, checks of length, language, quality, safety and personal data, and deduplication. Books were cut into passages of ${chunk.minWords} to ${chunk.maxWords} words at the ends of sentences. Near duplicates share at least ${dedup.threshold} of their ${dedup.shingle}-word shingles with a text that stayed.${modelsNote(recipe)} \`curate/ledger.jsonl\` of the run has every verdict on every record.

${table(["kind of document", "kept"], Object.entries(stats.documents.kind))}

${table(["dropped because", "records"], Object.entries(stats.documents.dropped))}

Rows with one \`meta.split_key\` (a work, a phrasing) are on one side only; ${split.valid} of the rows were asked for in validation and ${split.test} in test, within every domain, source and persona. Tool calls were run against an offline weather provider, and an answer states no weather that its tool result does not.

${table(["rejected synthetic rows", "rows"], Object.entries(stats.rejected))}

${preferenceSection(stats)}## Known limits

- English only, and mostly the English of nineteenth-century white American men; passages with slurs were dropped, the views behind them were not.
- The questions and calls of the tool episodes come from templates: a model can do well on them and still fail on phrasings that nobody thought of. \`tool-cases.jsonl\` has phrasings and places that training never sees.
- Weather in the episodes is invented by a seeded provider, not observed.
- Safety filters are word lists. They miss what they do not list, and drop some harmless texts.
`;
}
