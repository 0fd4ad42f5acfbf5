import { expect, test } from "vitest";
import { parseRecipe } from "../core/recipe.ts";
import { datasetCard } from "./dataset-card.ts";
import { DatasetStats } from "./dataset-stats.ts";

const recipe = parseRecipe(
  {
    name: "parlour",
    data: { sources: [{ kind: "bundled" }] },
    base: { kind: "folder", path: "base" },
    train: { steps: 1, learningRate: 1e-3 },
  },
  "test",
);
const REDDIT = "reddit-user-content (research use; not redistributed)";
const stats = DatasetStats.parse({
  schema: 1,
  rows: { train: 1500, valid: 300, test: 200, base: 9, "base-valid": 1, "tool-cases": 7 },
  assistantWords: 40_000,
  domain: {
    humour: { train: 500, valid: 0, test: 0 },
    tool: { train: 1000, valid: 300, test: 200 },
  },
  persona: { twain: 2000 },
  source: { bundled: 1900, "a|b": 100 },
  licence: { "CC0-1.0": 1900, [REDDIT]: 100 },
  template: { "banter:1": 30, "banter:2": 40, answer: 5 },
  generator: { "twainbot-episodes": 1500, "gpt-oss:20b": 400 },
  turns: { "1": 1990, "2": 10 },
  synthetic: 1600,
  rejected: {},
  documents: { kept: 3, words: 4, source: {}, kind: { aphorism: 2, joke: 1 }, dropped: {} },
});

test("the front matter says what the hub asks: licence, language, size, and which file is which split", () => {
  const card = datasetCard(recipe, stats, { files: "parquet", preference: true });
  expect(card.split("---\n")[1]).toBe(`pretty_name: "parlour"
language:
  - "en"
license: "other"
license_name: "per-row"
task_categories:
  - "text-generation"
size_categories:
  - "1K<n<10K"
tags:
  - "twainbot"
  - "conversational"
  - "function-calling"
configs:
  - config_name: "default"
    default: true
    data_files:
      - split: "train"
        path: "train.parquet"
      - split: "validation"
        path: "valid.parquet"
      - split: "test"
        path: "test.parquet"
  - config_name: "preference"
    data_files:
      - split: "train"
        path: "preference.parquet"
`);
});

test("one licence for all rows is the dataset's; an empty split has no file", () => {
  const card = datasetCard(
    recipe,
    {
      ...stats,
      licence: { "CC0-1.0": 1 },
      rows: { ...stats.rows, train: 12, valid: 0, test: 0 },
    },
    { files: "jsonl" },
  );
  expect(card).toContain('license: "cc0-1.0"\n');
  expect(card).toContain('- "n<1K"\n');
  expect(card.match(/split: .*/g)).toEqual(['split: "train"']);
  expect(card).not.toContain("do not publish");
});

test("models that judged texts are named, and where they lie is not", () => {
  const embeddings = { model: "/home/ada/minilm/", threshold: 0.9, batch: 16 };
  const toxicity = { model: "models/bert", threshold: 0.8, batch: 16, action: "drop" as const };
  const { dedup } = recipe.curate;
  const curate = { ...recipe.curate, dedup: { ...dedup, embeddings }, toxicity };
  const card = datasetCard({ ...recipe, curate }, stats, { files: "jsonl" });
  expect(card).toContain("embeddings by minilm have a cosine similarity of 0.9");
  expect(card).toContain("classifier bert scored 0.8");
  expect(card).not.toContain("ada");
  expect(datasetCard(recipe, stats, { files: "jsonl" })).not.toMatch(/embeddings|classifier/);
});

test.each([
  ["| banter | 70 | 3.5 % |"],
  ["| gpt-oss:20b | 400 | 20.0 % |"],
  ["20.0 % were written by a language model"],
  ["80.0 % of the rows are synthetic"],
  ["| tool | 1000 | 300 | 200 | 75.0 % |"],
  ["| CC0-1.0 | 1900 | 95.0 % | yes |"],
  [`| ${REDDIT} | 100 | 5.0 % | no |`],
  ["100 rows may not be handed on"],
  ["| a\\|b | 100 | 5.0 % |"],
  ["| aphorism | 2 |"],
  ["| train | `train.jsonl` | 1500 |"],
  ["| tool-cases | `tool-cases.jsonl` | 7 |"],
  ["| no licence to hand it on | 100 |"],
  ["recipe parlour, v1.2"],
])("the card says %s", (text) => {
  const options = {
    files: "jsonl" as const,
    leftOut: { "no licence to hand it on": 100 },
    version: "v1.2",
  };
  expect(datasetCard(recipe, stats, options)).toContain(text);
});
