/**
 * What a text classifier says of a text, such as a BERT that was trained on rude comments. The score of every judged
 * text is in the ledger, of those that stay too: satire offends on purpose, and a person must be able to look.
 */
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import type { Recipe } from "../../core/recipe.ts";
import { batchesOf } from "../batches-of.ts";
import type { OnnxFolder } from "../onnx-folder.ts";
import { type OnnxTextModel, chooseOutput, openOnnxTextModel, unfit } from "../onnx-text-model.ts";
import { type Judgement, type Step, drop, keep } from "../pipeline.ts";

export type ToxicityConfig = NonNullable<Recipe["curate"]["toxicity"]>;

/** Documents that are read before they are judged: among many there are more of one length. */
const READ = 1024;

/** Labels that count where the recipe names none: other labels of such models say what a text is about, or that it is harmless. */
const KNOWN = new Set(
  "toxic toxicity severe_toxic severe_toxicity obscene threat insult identity_hate identity_attack sexual_explicit hate hate_speech hateful offensive abusive".split(
    " ",
  ),
);

/** The logits of one window as probabilities. */
type Activation = (logits: Float32Array) => Float64Array;

const sigmoid: Activation = (logits) => Float64Array.from(logits, (x) => 1 / (1 + Math.exp(-x)));
const softmax: Activation = (logits) => {
  const most = Math.max(...logits);
  const powers = Float64Array.from(logits, (x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
};

/** As transformers' own pipeline chooses: several labels at once, or one label alone, are independent of each other. */
function activationOf({ config, folder }: OnnxFolder, labels: number): Activation {
  switch (config.problem_type ?? undefined) {
    case "multi_label_classification":
      return sigmoid;
    case "single_label_classification":
      return labels === 1 ? sigmoid : softmax;
    case undefined:
      return labels === 1 ? sigmoid : softmax;
    default:
      throw unfit(
        `${folder}/config.json`,
        `problem_type is ${config.problem_type}`,
        "A classifier is wanted: single_label_classification or multi_label_classification.",
      );
  }
}

/** The labels in the order of the logits. */
function labelsOf({ config, folder }: OnnxFolder): string[] {
  const labels = Object.entries(config.id2label ?? {}).toSorted(
    ([a], [b]) => Number(a) - Number(b),
  );
  if (labels.length === 0 || labels.some(([id], i) => id !== String(i)))
    throw unfit(
      `${folder}/config.json`,
      labels.length === 0 ? "no id2label" : "id2label does not count from 0",
      "A model for text classification says there what its outputs mean.",
    );
  return labels.map(([, label]) => label);
}

function judgedLabels(config: ToxicityConfig, labels: readonly string[]): number[] {
  const unknown = config.labels?.filter((label) => !labels.includes(label)) ?? [];
  const chosen = (label: string): boolean =>
    config.labels?.includes(label) ?? KNOWN.has(label.toLowerCase().replaceAll(/[ -]/g, "_"));
  const found = [...labels.keys()].filter((i) => chosen(labels[i]!));
  if (unknown.length > 0 || found.length === 0)
    throw new TwainError(
      "curate/unknown-label",
      unknown.length > 0
        ? `${config.model} has no label ${unknown.join(", ")}`
        : `no label of ${config.model} is known to mean toxicity`,
      { hint: `Name in curate.toxicity.labels those that count, of: ${labels.join(", ")}.` },
    );
  return found;
}

interface Finding {
  /** The judged label with the highest score, and that score. */
  label: string;
  score: number;
  windows: number;
}

interface Classifier {
  /** Nothing of a text without tokens. */
  classify(texts: readonly string[], signal: AbortSignal): Promise<(Finding | undefined)[]>;
  close(): Promise<void>;
}

async function classifierOf(model: OnnxTextModel, config: ToxicityConfig): Promise<Classifier> {
  const { folder } = model;
  const labels = labelsOf(folder);
  const judged = judgedLabels(config, labels);
  const activation = activationOf(folder, labels.length);
  const output = chooseOutput(model, ["logits"], [2], "text-classification");
  const options = { output, pooling: "first", batch: config.batch } as const;
  const width = await model.width(options);
  if (width !== labels.length)
    throw unfit(
      folder.model,
      `${output.name} has ${width} numbers for a text, and config.json ${labels.length} labels`,
      "config.json and the model must be of one export.",
    );
  return {
    async classify(texts, signal) {
      const found = await model.vectors(texts, { ...options, signal });
      return found.map((windows) => {
        let worst: Finding | undefined;
        for (const logits of windows) {
          const scores = activation(logits);
          for (const i of judged)
            if (!worst || scores[i]! > worst.score)
              worst = { label: labels[i]!, score: scores[i]!, windows: windows.length };
        }
        return worst;
      });
    },
    close: () => model.close(),
  };
}

/**
 * Opens the classifier of a recipe. Throws `curate/unknown-label`, and what `openOnnxTextModel` throws; all of it can
 * be told before a text is read.
 */
export async function openToxicityClassifier(config: ToxicityConfig): Promise<Classifier> {
  const model = await openOnnxTextModel(config.model);
  try {
    return await classifierOf(model, config);
  } catch (error) {
    await model.close();
    throw error;
  }
}

function judge(document: Document, found: Finding | undefined, config: ToxicityConfig): Judgement {
  if (!found) return keep(document);
  const { label, score, windows } = found;
  const rounded = Math.round(score * 1000) / 1000;
  const numbers = { [label]: rounded, ...(windows > 1 && { windows }) };
  if (config.action === "label")
    return keep({ ...document, extra: { ...document.extra, toxicity: rounded } }, numbers);
  return score >= config.threshold ? drop(document, label, numbers) : keep(document, numbers);
}

/** Drops a text with a window in which a judged label scores `threshold` or more; or only says so. */
export const toxicityStep = (
  config: ToxicityConfig,
  signal: AbortSignal,
  told: (done: number) => void = () => undefined,
): Step => ({
  name: "toxicity",
  async *run(documents) {
    const classifier = await openToxicityClassifier(config);
    const judges = (document: Document): boolean => config.kinds?.includes(document.kind) ?? true;
    let done = 0;
    try {
      for await (const batch of batchesOf(documents, READ)) {
        const asked = batch.filter(judges);
        const found = await classifier.classify(
          asked.map(({ text }) => text),
          signal,
        );
        told((done += asked.length));
        let at = 0;
        for (const document of batch)
          yield judges(document) ? judge(document, found[at++], config) : keep(document);
      }
    } finally {
      await classifier.close();
    }
  },
});
