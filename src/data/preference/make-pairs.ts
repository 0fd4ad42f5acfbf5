/** Preference pairs made from the corpus: tool decisions, voice, groundedness. */
import type { Preference } from "../../core/preference.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { pickPersona } from "../synth/episodes.ts";
import { type Talk, startTalk } from "../synth/exchanges.ts";
import { createPhraseBook } from "../synth/phrase-book.ts";
import { onTrainSide, phrasingsOf } from "../synth/question-templates.ts";
import { createSimulator, someMoment } from "../synth/simulator.ts";
import type { Voices } from "../synth/voices.ts";
import { drawGrounded, drawVoice } from "./answer-pairs.ts";
import { drawDecision } from "./decision-pairs.ts";
import { loadDeclines } from "./declines.ts";
import { GENERATOR, type Pair, toPreference } from "./pair.ts";
import { promptKey } from "./prompts.ts";
import { writtenKindOf } from "./written-pairs.ts";
import { type PairFault, createRepertoire, verifyPair } from "./verify-pair.ts";

export const PAIR_SOURCES = ["decisions", "voice", "grounded"] as const;
export type PairSource = (typeof PAIR_SOURCES)[number];

export type PairItem =
  | { to: "preference"; row: Preference }
  | { to: "rejected"; reason: `pair: ${PairFault | "duplicate"}` };

/** Draws for each pair that is wanted before there seem to be no more. */
const TRIES = 20;

/**
 * Yields as many pairs of each source as `counts` says, fewer where the corpus is small. Phrasings and places are
 * those of the training side; no prompt comes twice.
 */
export async function* makePairs(
  { voices, places, world }: { voices: Voices; places: readonly Place[]; world: readonly Place[] },
  options: {
    counts: Record<PairSource, number>;
    /** Of every template, as `episodeSplitKeys` gives them. */
    splitKeys: ReadonlyMap<string, string>;
    random: Random;
    signal: AbortSignal;
  },
): AsyncGenerator<PairItem> {
  const { counts, splitKeys, signal } = options;
  const declines = await loadDeclines();
  const repertoire = createRepertoire(voices, declines);
  const simulator = createSimulator(world);
  const phrasings = onTrainSide(phrasingsOf(voices, "train"), splitKeys);
  const seen = new Set<string>();
  for (const source of PAIR_SOURCES) {
    const random = options.random.fork(source);
    const sources = {
      voices,
      phrasings,
      places,
      taught: true,
      said: createPhraseBook()(),
      simulator,
      random,
      signal,
      declines,
    };
    const draw = (talk: Talk): Promise<Pair | undefined> => {
      if (source === "decisions") return drawDecision(sources, talk);
      return source === "voice" ? drawVoice(sources, talk) : drawGrounded(sources, talk);
    };
    let made = 0;
    for (let tries = 0; made < counts[source] && tries < counts[source] * TRIES; tries++) {
      signal.throwIfAborted();
      const talk = startTalk(pickPersona(random), someMoment(random));
      simulator.set(talk.now);
      const pair = await draw(talk);
      if (!pair) continue;
      const fault = await verifyPair(pair, repertoire, simulator.tools, signal);
      const key = promptKey(pair.prompt);
      if (fault || seen.has(key)) {
        yield { to: "rejected", reason: `pair: ${fault ?? "duplicate"}` };
        continue;
      }
      seen.add(key);
      const id = `preference-${source}-${String(made++).padStart(6, "0")}`;
      const splitKey = splitKeys.get(pair.template) ?? `train:${pair.template}`;
      yield { to: "preference", row: toPreference(pair, id, splitKey) };
    }
  }
}

/** What kind of pair a row is, by its generator; `human` for what neither a program nor a model made. */
export const kindOf = (pair: Pick<Preference, "meta">): string =>
  pair.meta.generator?.startsWith(`${GENERATOR} `)
    ? pair.meta.generator.slice(GENERATOR.length + 1)
    : (writtenKindOf(pair) ?? "human");
