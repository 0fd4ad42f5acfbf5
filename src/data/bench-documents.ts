/**
 * Documents without end for `twainbot bench data`: words of the shipped corpus, each followed by one that follows it
 * there. Which of them are copies is known, so what curation finds can be counted.
 */
import { join } from "node:path";
import { z } from "zod";
import type { Document } from "../core/document.ts";
import { sha256 } from "../core/hash.ts";
import { readJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";
import { type Random, createRandom } from "../core/random.ts";

/** Of every 20 documents, the 8th says the same as the 3rd, and the 14th nearly the same as the 9th. */
const PERIOD = 20;
const EXACT = { at: 7, of: 2 };
const NEAR = { at: 13, of: 8 };
/** One document in so many is a book; every tenth book is another edition of the one before it. */
const BOOK = 1000;
const EDITION = 10;
const PARAGRAPHS = 60;

export interface BenchText {
  /** The same text for the same name. */
  passage(words: number, name: string): string;
}

/**
 * Two generators together: the 32 bits of one would run through the same numbers twice within a million texts, and
 * make copies that nobody counted. Each is forked from one of its own: where two names give one seed, so do the two
 * with the same ending.
 */
function longRandom(random: Random, name: string): <T>(items: readonly T[]) => T {
  const [a, b] = [random.fork("a").fork(name), random.fork("b").fork(name)];
  return (items) => items[Math.floor(((a.next() + b.next()) % 1) * items.length)]!;
}

/** Text in which any word may follow another as it does in the shipped corpus: English to every filter, sense to none. */
export async function openBenchText(seed: number): Promise<BenchText> {
  const random = createRandom(seed).fork("bench documents");
  const starts: string[] = [];
  const followers = new Map<string, string[]>();
  for (const set of ["neutral", "twain", "franklin"]) {
    const path = join(packageRoot(), "corpus", `${set}.jsonl`);
    for await (const { text } of readJsonl(path, z.looseObject({ text: z.string() }))) {
      const words = text.split(/\s+/);
      starts.push(words[0]!);
      for (const [i, word] of words.entries()) {
        const next = words[i + 1];
        if (next === undefined) continue;
        const known = followers.get(word);
        if (known) known.push(next);
        else followers.set(word, [next]);
      }
    }
  }
  return {
    passage(words, name) {
      const pick = longRandom(random, name);
      const said = [pick(starts)];
      while (said.length < words) said.push(pick(followers.get(said.at(-1)!) ?? starts));
      return said.join(" ");
    },
  };
}

export interface Copies {
  exact: number;
  near: number;
  /** Paragraphs of second editions. */
  paragraphs: number;
}

/** How many of the first `count` documents are copies. */
export function copiesAmong(count: number): Copies {
  const copies: Copies = { exact: 0, near: 0, paragraphs: 0 };
  for (let i = 0; i < count; i++) {
    if (i % BOOK === BOOK - 1) {
      if (Math.floor(i / BOOK) % EDITION === EDITION - 1) copies.paragraphs += PARAGRAPHS;
      continue;
    }
    if (i % PERIOD === EXACT.at) copies.exact++;
    if (i % PERIOD === NEAR.at) copies.near++;
  }
  return copies;
}

const WORDS = 200;

/** Passages of 200 words, and books of 60 paragraphs. */
export function* benchDocuments(text: BenchText, count: number): Generator<Document> {
  const passage = (i: number): string => text.passage(WORDS, `passage ${i}`);
  const book = (k: number): string => {
    const paragraphs = (name: string, many: number): string[] =>
      Array.from({ length: many }, (_, p) => text.passage(WORDS / 2, `book ${name} ${p}`));
    const other = k % EDITION === EDITION - 1;
    return [
      ...(other ? paragraphs(`${k} preface`, 3) : []),
      ...paragraphs(String(other ? k - 1 : k), PARAGRAPHS).map((text) =>
        // Cut elsewhere than in the first edition, as real ones are.
        other ? `Besides, ${text}` : text,
      ),
    ].join("\n\n");
  };
  for (let i = 0; i < count; i++) {
    const isBook = i % BOOK === BOOK - 1;
    let own: string;
    if (isBook) own = book(Math.floor(i / BOOK));
    else if (i % PERIOD === EXACT.at) own = `${passage(i - EXACT.at + EXACT.of)} *`;
    else if (i % PERIOD === NEAR.at) {
      const words = passage(i - NEAR.at + NEAR.of).split(" ");
      words[60] = "notwithstanding";
      words[140] = "notwithstanding";
      own = words.join(" ");
    } else own = passage(i);
    yield {
      id: `bench:${i}`,
      kind: isBook ? "book" : "passage",
      text: own,
      source: "bench",
      licence: "CC0-1.0",
      sha256: sha256(own),
      synthetic: true,
      extra: { persona: "neutral" },
    };
  }
}
