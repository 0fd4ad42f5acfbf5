/** Evaluation cases: questions whose right calls are known, none of which training has seen. */
import { type Message, toWireMessage, toWireTool } from "../../core/chat.ts";
import type { ToolCase, ToolSlice } from "../../core/tool-case.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import { type Question, askWeather } from "./ask.ts";
import { pickPersona } from "./episodes.ts";
import {
  type ExchangeSources,
  answerQuestion,
  drawFollowUp,
  drawGivenPlace,
  drawMissing,
  drawQuestion,
  startTalk,
} from "./exchanges.ts";
import { sayMissing } from "./missing.ts";
import { createPhraseBook } from "./phrase-book.ts";
import { type Phrasings, phrasingsOf, pickTool } from "./question-templates.ts";
import { createSimulator, someMoment } from "./simulator.ts";
import type { PlaceSplit } from "./split-places.ts";
import { type Voices, voiceMessages } from "./voices.ts";

/** What two questions have in common when nobody would call them different. */
export const questionKey = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

const callsOf = (question: Question): ToolCase["expected"] => [
  { name: question.tool, arguments: question.arguments },
];

/** What may precede any question; the plain question comes first. */
const OPENINGS = ["", "Hello. ", "Excuse me. ", "Good day. "];

/**
 * Yields up to `count` cases of every slice, fewer where the corpus has too few questions. Each
 * question is unique.
 */
export async function* makeCases(options: {
  voices: Voices;
  split: PlaceSplit;
  /** All places that the offline provider knows. */
  world: readonly Place[];
  count: number;
  random: Random;
  signal: AbortSignal;
}): AsyncGenerator<ToolCase> {
  const { voices, split, count } = options;
  const asked = new Set<string>();

  const build = (
    slice: ToolSlice,
    at: number,
    text: string,
    expected: ToolCase["expected"],
    now: Date,
    before: readonly Message[],
  ): ToolCase => {
    const [first, ...rest] = [...before, { role: "user" as const, content: text }].map(
      toWireMessage,
    );
    return {
      id: `${slice}-${String(at).padStart(4, "0")}`,
      slice,
      messages: [first!, ...rest],
      tools: WEATHER_TOOLS.map(toWireTool),
      expected,
      now: now.toISOString(),
    };
  };
  const isNew = (text: string): boolean => {
    const key = questionKey(text);
    if (asked.has(key)) return false;
    asked.add(key);
    return true;
  };

  const weather = function* (
    slice: ToolSlice,
    templates: Phrasings["questions"],
    places: readonly Place[],
  ): Generator<ToolCase> {
    const random = options.random.fork(slice);
    if (places.length === 0) return;
    let made = 0;
    // Few places and few phrasings could run out of new questions.
    for (let tries = 0; made < count && tries < count * 20; tries++) {
      const tool = pickTool(random);
      const template = random.pick(templates[tool]);
      const now = someMoment(random);
      const question = askWeather({ tool, template, place: random.pick(places), now, random });
      if (!isNew(question.text)) continue;
      const voice = voiceMessages(pickPersona(random));
      yield build(slice, made++, question.text, callsOf(question), now, voice);
    }
  };

  const silent = function* (slice: ToolSlice, questions: readonly string[]): Generator<ToolCase> {
    const random = options.random.fork(slice);
    let made = 0;
    for (const opening of OPENINGS) {
      for (const question of random.shuffle(questions)) {
        const text = opening + question;
        if (made >= count) return;
        if (isNew(text)) {
          const voice = voiceMessages(pickPersona(random));
          yield build(slice, made++, text, [], someMoment(random), voice);
        }
      }
    }
  };

  /** Something was said and answered before, in phrasings of training; what is said now was never trained on. */
  const second = async function* (
    slice: "second-question" | "follow-up",
  ): AsyncGenerator<ToolCase> {
    const random = options.random.fork(slice);
    const simulator = createSimulator(options.world);
    const earlier: ExchangeSources = {
      voices,
      phrasings: train,
      places: split.train,
      taught: false,
      said: createPhraseBook()(),
      simulator,
      random,
      signal: options.signal,
    };
    const unheard = { ...earlier, phrasings: heldout, voices: { ...voices, remarks: [] } };
    if (split.train.length === 0) return;
    let made = 0;
    for (let tries = 0; made < count && tries < count * 20; tries++) {
      const talk = startTalk(pickPersona(random), someMoment(random));
      simulator.set(talk.now);
      const waiting = slice === "follow-up" && random.next() < 0.3;
      const first = waiting
        ? drawMissing(earlier, talk, true)
        : await answerQuestion(drawQuestion(earlier, talk), talk, earlier);
      const { asked, pending } = first;
      const next = waiting
        ? pending && drawGivenPlace(pending, unheard, talk)
        : asked &&
          (slice === "follow-up"
            ? drawFollowUp(asked, unheard, talk)
            : drawQuestion(unheard, talk));
      if (!next) continue;
      const before = [...voiceMessages(talk.persona), ...first.messages];
      const said = before.map((message) => message.content ?? "").join(" ");
      // "And in Boston?" comes again and again; what was said before it does not.
      if (!isNew(slice === "follow-up" ? `${said} ${next.question.text}` : next.question.text))
        continue;
      yield build(slice, made++, next.question.text, callsOf(next.question), talk.now, before);
    }
  };

  const heldout = phrasingsOf(voices, "heldout");
  const train = phrasingsOf(voices, "train");
  yield* weather("heldout-phrasing", heldout.questions, split.train);
  yield* weather("heldout-place", train.questions, split.heldout);
  yield* weather("heldout-both", heldout.questions, split.heldout);
  yield* second("second-question");
  yield* second("follow-up");
  yield* silent(
    "no-tool",
    voices.banter.heldout.map((entry) => entry.user),
  );
  const said = options.random.fork("missing");
  yield* silent(
    "missing-location",
    heldout.missing.map((template) => sayMissing(template, someMoment(said), said).text),
  );
}
