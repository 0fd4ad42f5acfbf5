/** Curated texts as examples of which every token is trained. What the dataset keeps for its test is left alone. */
import type { Persona } from "../core/conversation.ts";
import { Document, personaOf, splitKeyOf } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import { readJsonl } from "../core/jsonl.ts";
import type { Random } from "../core/random.ts";
import type { DaptConfig } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import { type Example, encodeText } from "../tokenizer/example.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { readRows } from "./dataset.ts";
import { splitByKey } from "./split-by-key.ts";

/**
 * An example in pieces of at most `maxTokens`, two or more. A piece begins with the last token of the one before,
 * so that every token but the first of all is predicted exactly once.
 */
export function cutExample(example: Example, maxTokens: number): Example[] {
  const { id, ids, trained } = example;
  if (ids.length <= maxTokens) return [example];
  const pieces: Example[] = [];
  for (let start = 0; start + 1 < ids.length; start += maxTokens - 1) {
    const end = start + maxTokens;
    const piece = {
      id: `${id}/${pieces.length + 1}`,
      ids: ids.slice(start, end),
      trained: trained.slice(start, end),
    };
    piece.trained[0] = 0;
    pieces.push(piece);
  }
  return pieces;
}

interface Text {
  document: Document;
  persona: Persona;
  splitKey: string;
}

const keysOf = async (path: string): Promise<Set<string>> => {
  const keys = new Set<string>();
  for await (const { meta } of readRows(path)) keys.add(meta.split_key);
  return keys;
};

export interface PlainText {
  byPersona: Map<Persona, Example[]>;
  valid: Example[];
  /** Texts trained on and kept back for validation, before they are cut. */
  counts: { texts: number; validTexts: number };
  /** Texts left out, by reason. */
  dropped: Record<string, number>;
}

/**
 * Reads the curated documents of `config.kinds`. Works with rows in the dataset's test are left out, those with rows
 * in its valid kept back; where there are none of these, `validShare` of the split keys is. Throws
 * `train/empty-dataset` for fewer than two texts.
 */
export async function readPlainText(
  dir: RunDir,
  config: Pick<DaptConfig, "kinds" | "mixture" | "sequenceLength"> & { validShare: number },
  { tokenizer, template }: { tokenizer: Tokenizer; template: ChatTemplate },
  random: Random,
  signal: AbortSignal,
): Promise<PlainText> {
  const { kinds, mixture, sequenceLength } = config;
  const [inValid, inTest] = [await keysOf(dir.dataset.valid), await keysOf(dir.dataset.test)];
  const free: Text[] = [];
  const held: Text[] = [];
  let ofTest = 0;
  for await (const document of readJsonl(dir.curated, Document)) {
    signal.throwIfAborted();
    const [persona, splitKey] = [personaOf(document), splitKeyOf(document)];
    const wanted = mixture === undefined || (mixture[persona] ?? 0) > 0;
    if (!wanted || !kinds.some((kind) => kind === document.kind)) continue;
    if (inTest.has(splitKey)) ofTest++;
    else (inValid.has(splitKey) ? held : free).push({ document, persona, splitKey });
  }
  if (free.length + held.length < 2 || free.length === 0)
    throw new TwainError(
      "train/empty-dataset",
      `${dir.curated}: ${free.length} texts of the kinds ${kinds.join(", ")} to train on, ${held.length} to validate, ${ofTest} of works kept for the test`,
      {
        hint: "Add sources, other dapt.kinds, or personas to dapt.mixture; one text is for validation.",
      },
    );
  const { train, valid } =
    held.length > 0
      ? { train: free, valid: held }
      : splitByKey(free, config.validShare, random.fork("split"));

  const encode = ({ document: { id, text } }: Text): Example[] =>
    cutExample(encodeText(id, text, tokenizer, template), sequenceLength);
  const byPersona = new Map<Persona, Example[]>();
  for (const text of train) {
    signal.throwIfAborted();
    const list = byPersona.get(text.persona) ?? [];
    byPersona.set(text.persona, list);
    list.push(...encode(text));
  }
  return {
    byPersona,
    valid: valid.flatMap(encode),
    counts: { texts: train.length, validTexts: valid.length },
    dropped: ofTest > 0 ? { "of-test": ofTest } : {},
  };
}
