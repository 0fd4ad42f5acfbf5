/** Preference rows as pairs of examples, and their log-probabilities under the adapter that training starts from. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { appendText, writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { fingerprint } from "../core/hash.ts";
import { readJsonl } from "../core/jsonl.ts";
import { type Preference, PreferenceRow, fromPreferenceRow } from "../core/preference.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import { type Example, encodeConversation, encodePrompt } from "../tokenizer/example.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Pair } from "./preference-loss.ts";
import type { Trainer } from "./trainer.ts";

/** A pair before its reference is known. */
export type EncodedPair = Omit<Pair, "reference"> & { splitKey: string };

/** Both sides as examples in which only the completion is trained, earlier assistant turns not. */
export function encodePreference(
  row: Preference,
  tokenizer: Tokenizer,
  template: ChatTemplate,
): EncodedPair {
  const { id, prompt, tools, tags, meta } = row;
  const before = encodePrompt(prompt, tools, tokenizer, template).length;
  const side = (name: "chosen" | "rejected"): Example => {
    const messages = [...prompt, ...row[name]];
    const example = encodeConversation(
      { id: `${id} ${name}`, messages, ...(tools && { tools }), tags, meta },
      tokenizer,
      template,
    );
    example.trained.fill(0, 0, before);
    return example;
  };
  return { id, chosen: side("chosen"), rejected: side("rejected"), splitKey: meta.split_key };
}

const noRows = (path: string, what: string, cause?: unknown): TwainError =>
  new TwainError("train/no-preference", `${path} ${what}`, {
    hint: "The recipe has a preference section: ask for pairs with curate.preference, put rows { id, prompt, chosen, rejected, tags, meta } there, or leave the section out.",
    cause,
  });

/** The bytes of a preference file, for a fingerprint. Throws `train/no-preference` where there is none. */
export const readPreferenceFile = (path: string): Promise<string> =>
  readFile(path, "utf8").catch((cause: unknown) => {
    throw noRows(path, "is not there", cause);
  });

/** Throws `train/no-preference` for a file with fewer than two rows, and `core/bad-jsonl`: before a run is worth it. */
export async function checkPreferenceFile(path: string): Promise<void> {
  await readPreferenceFile(path);
  let rows = 0;
  for await (const _ of readJsonl(path, PreferenceRow)) rows++;
  if (rows < 2) throw noRows(path, `has ${rows} rows; two are needed, one to validate`);
}

/**
 * Encodes a file. Pairs with a side over `maxTokens`, without a trained token, or with two equal sides are
 * left out and counted. Throws `train/no-preference` for fewer than two that are left.
 */
export async function encodePreferences(
  path: string,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  maxTokens: number,
  signal: AbortSignal,
): Promise<{ pairs: EncodedPair[]; rows: number; dropped: Record<string, number> }> {
  await readPreferenceFile(path);
  const pairs: EncodedPair[] = [];
  const dropped: Record<string, number> = {};
  let rows = 0;
  for await (const row of readJsonl(path, PreferenceRow)) {
    signal.throwIfAborted();
    rows++;
    const pair = encodePreference(fromPreferenceRow(row), tokenizer, template);
    const sides = [pair.chosen, pair.rejected];
    const reason = sides.some(({ ids }) => ids.length > maxTokens)
      ? "too-long"
      : sides.some(({ trained }) => trained.every((flag) => flag === 0))
        ? "nothing-trained"
        : pair.chosen.ids.join() === pair.rejected.ids.join()
          ? "equal-sides"
          : undefined;
    if (reason) dropped[reason] = (dropped[reason] ?? 0) + 1;
    else pairs.push(pair);
  }
  if (pairs.length < 2)
    throw noRows(
      path,
      `has ${pairs.length} of ${rows} rows that can be trained on (${JSON.stringify(dropped)}); two are needed, one to validate`,
    );
  return { pairs, rows, dropped };
}

const Reference = z.strictObject({
  row: z.string(),
  /** Of base, adapter and both sides' tokens. */
  key: z.string(),
  chosen: z.number(),
  rejected: z.number(),
});
type Reference = z.infer<typeof Reference>;

/** What an earlier run left; a line that a kill cut short counts as not there. */
async function readReferences(path: string): Promise<Map<string, Reference>> {
  const text = await readFile(path, "utf8").catch(() => "");
  const found = new Map<string, Reference>();
  for (const line of text.split("\n")) {
    try {
      const reference = Reference.parse(JSON.parse(line));
      found.set(reference.key, reference);
    } catch {
      // An unfinished line, or one of another version: it is computed again.
    }
  }
  return found;
}

/** Pairs that are scored together and cached together, so that a resume packs them in the same way. */
const CHUNK = 64;

/** Log-probabilities of both sides of each pair, summed over the completion, in nats. */
export async function scorePairs(
  trainer: Pick<Trainer, "score">,
  pairs: readonly Pick<Pair, "chosen" | "rejected">[],
  signal: AbortSignal,
): Promise<{ chosen: number; rejected: number }[]> {
  const scored = await trainer.score(
    pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]),
    signal,
  );
  return pairs.map((_, i) => ({ chosen: scored[2 * i]!.sum, rejected: scored[2 * i + 1]!.sum }));
}

/**
 * Adds the reference to each pair: read from the lines of `path` whose key (of `model`, which names base and
 * adapter, and the tokens) is right, computed with `trainer`, which must still hold what it starts from, and
 * appended otherwise.
 */
export async function* withReferences<P extends EncodedPair>(
  trainer: Pick<Trainer, "score">,
  pairs: readonly P[],
  model: { base: string; adapter: string },
  path: string,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, (P & Pair)[]> {
  const known = await readReferences(path);
  const keyOf = ({ chosen, rejected }: P): string =>
    fingerprint([model, ...[chosen, rejected].map(({ ids, trained }) => [[...ids], [...trained]])]);
  const chunks = Array.from({ length: Math.ceil(pairs.length / CHUNK) }, (_, i) => {
    const chunk = pairs.slice(i * CHUNK, (i + 1) * CHUNK);
    const keys = chunk.map(keyOf);
    const found = keys.flatMap((key) => known.get(key) ?? []);
    return { chunk, keys, found: found.length === chunk.length ? found : undefined };
  });
  // Lines of other adapters, and of chunks that are not whole, go.
  const kept = chunks.flatMap(({ found = [] }) => found);
  await writeFileAtomic(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const result: (P & Pair)[] = [];
  for (const { chunk, keys, found } of chunks) {
    let references = found;
    if (!references) {
      const scores = await scorePairs(trainer, chunk, signal);
      references = scores.map((score, i) => ({ row: chunk[i]!.id, key: keys[i]!, ...score }));
      await appendText(path, references.map((line) => `${JSON.stringify(line)}\n`).join(""));
    }
    for (const [i, pair] of chunk.entries()) {
      const { chosen, rejected } = references[i]!;
      result.push({ ...pair, reference: { chosen, rejected } });
    }
    yield {
      type: "progress",
      stage: "preference",
      label: "reference",
      done: result.length,
      total: pairs.length,
    };
  }
  return result;
}
