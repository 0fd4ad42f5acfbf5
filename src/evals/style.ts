/**
 * Whose voice is it? A classifier of one author against other authors, trained when it is needed on
 * the run's own documents and proved on works that it has not seen. Author against author, never
 * author against machine: that would measure how machine-like a text is.
 */
import type { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import {
  type Features,
  countGrams,
  createMask,
  featureCount,
  inverseFrequency,
  toFeatures,
} from "./style-features.ts";

export interface Voiced {
  text: string;
  /** 1 for the author that is looked for. */
  label: 0 | 1;
  /** Texts of one work stay on one side of the split. */
  group: string;
}

export interface StyleClassifier {
  /** Probability that the text is by the author. */
  probability(text: string): number;
  /** The documents that were held out, with what the classifier says of them. */
  heldOut: { label: 0 | 1; probability: number }[];
}

const labelOf = (document: Document): 0 | 1 | undefined => {
  const { persona } = document.extra;
  if (persona === "twain") return 1;
  if (persona === "franklin" || persona === "neutral") return 0;
  // Without a named voice, only what a person wrote for print says something about authors.
  if (document.synthetic || document.author === undefined || document.kind === "headline")
    return undefined;
  return /\b(twain|clemens)\b/i.test(document.author) ? 1 : 0;
};

/** What a document says about voices, or undefined. */
export function voiced(document: Document): Voiced | undefined {
  const label = labelOf(document);
  const prose =
    document.kind === "passage" || document.kind === "aphorism" || document.kind === "book";
  if (label === undefined || !prose) return undefined;
  const { work } = document.extra;
  return { text: document.text, label, group: typeof work === "string" ? work : document.sha256 };
}

/** A third of each side's works, at least one, is held out. */
function splitByGroup(
  texts: readonly Voiced[],
  random: Random,
): { train: Voiced[]; test: Voiced[] } {
  const held = new Set<string>();
  for (const label of [0, 1]) {
    const groups = [
      ...new Set(texts.filter((text) => text.label === label).map((text) => text.group)),
    ].toSorted();
    for (const group of random.shuffle(groups).slice(0, Math.max(1, Math.round(groups.length / 3))))
      held.add(group);
  }
  return {
    train: texts.filter((text) => !held.has(text.group)),
    test: texts.filter((text) => held.has(text.group)),
  };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** At most this many texts of each side: more does not help, and evaluation must stay quick. */
const perSide = 800;
const leastPerSide = 8;
const epochs = 6;
const ridge = 1e-5;

/** L2-regularised logistic regression by stochastic gradient descent; both sides weigh the same. */
function fit(
  rows: readonly { features: Features; label: 0 | 1 }[],
  random: Random,
): { weights: Float64Array; bias: number } {
  const weights = new Float64Array(featureCount);
  let bias = 0;
  const ones = rows.reduce((sum, row) => sum + row.label, 0);
  const balance = [rows.length / (2 * (rows.length - ones)), rows.length / (2 * ones)];
  // The ridge shrinks all weights at every step: kept as one factor, since rows are sparse.
  let scale = 1;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const rate = 4 / (1 + epoch);
    for (const { features, label } of random.shuffle(rows)) {
      let sum = 0;
      features.ids.forEach((id, i) => (sum += weights[id]! * features.weights[i]!));
      const step = rate * balance[label]! * (label - sigmoid(sum * scale + bias));
      scale *= 1 - rate * ridge;
      features.ids.forEach((id, i) => (weights[id]! += (step * features.weights[i]!) / scale));
      bias += step * 0.1;
    }
  }
  return { weights: weights.map((weight) => weight * scale), bias };
}

/**
 * Trains on two thirds of the works and holds out the rest. Throws `evaluate/style-too-few` where a
 * side has too few texts, or too few works, to be held out.
 */
export function trainStyleClassifier(texts: readonly Voiced[], random: Random): StyleClassifier {
  const sampled = [0, 1].flatMap((label) =>
    random.shuffle(texts.filter((text) => text.label === label)).slice(0, perSide),
  );
  const { train, test } = splitByGroup(sampled, random);
  for (const [side, rows] of Object.entries({ training: train, test })) {
    for (const label of [0, 1]) {
      const count = rows.filter((row) => row.label === label).length;
      if (count >= leastPerSide) continue;
      throw new TwainError(
        "evaluate/style-too-few",
        `the ${side} side of the style classifier has ${count} texts ${label === 1 ? "by Twain" : "by others"}; it needs ${leastPerSide}`,
        {
          hint: "Collect more works by Twain and by other authors, or leave `style` out of evaluate.tasks.",
        },
      );
    }
  }
  const mask = createMask(train.map((row) => row.text));
  const counts = train.map((row) => countGrams(mask(row.text)));
  const rarity = inverseFrequency(counts);
  const rows = counts.map((grams, i) => ({
    features: toFeatures(grams, rarity),
    label: train[i]!.label,
  }));
  const { weights, bias } = fit(rows, random);
  const probability = (text: string): number => {
    const { ids, weights: values } = toFeatures(countGrams(mask(text)), rarity);
    let sum = bias;
    ids.forEach((id, i) => (sum += weights[id]! * values[i]!));
    return sigmoid(sum);
  };
  return {
    probability,
    heldOut: test.map(({ text, label }) => ({ label, probability: probability(text) })),
  };
}

type Judged = StyleClassifier["heldOut"];

/** Mean of both sides' F1 at one half. */
export function macroF1(judged: Judged): number {
  const f1 = [0, 1].map((side) => {
    const said = judged.filter((row) => Number(row.probability >= 0.5) === side);
    const hits = said.filter((row) => row.label === side).length;
    const real = judged.filter((row) => row.label === side).length;
    return said.length + real === 0 ? 0 : (2 * hits) / (said.length + real);
  });
  return (f1[0]! + f1[1]!) / 2;
}

/** The probability that a text by the author scores above one by another; ties count half. */
export function areaUnderCurve(judged: Judged): number {
  const sorted = judged.toSorted((a, b) => a.probability - b.probability);
  let rankSum = 0;
  for (let from = 0; from < sorted.length;) {
    let to = from + 1;
    while (to < sorted.length && sorted[to]!.probability === sorted[from]!.probability) to++;
    // Ranks are from 1; equal scores share their mean rank.
    for (let i = from; i < to; i++) if (sorted[i]!.label === 1) rankSum += (from + 1 + to) / 2;
    from = to;
  }
  const ones = judged.filter((row) => row.label === 1).length;
  return (rankSum - (ones * (ones + 1)) / 2) / (ones * (judged.length - ones));
}
