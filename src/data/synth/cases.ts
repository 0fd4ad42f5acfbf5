/** Evaluation cases: questions whose right calls are known, none of which training has seen. */
import { toWireMessage, toWireTool } from "../../core/chat.ts";
import type { ToolCase, ToolSlice } from "../../core/tool-case.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import { type Template, type WeatherToolName, askWeather } from "./ask.ts";
import { pickPersona } from "./episodes.ts";
import { pickTool, questionTemplates } from "./question-templates.ts";
import { someMoment } from "./simulator.ts";
import type { PlaceSplit } from "./split-places.ts";
import { type Voices, voiceMessages } from "./voices.ts";

/** What two questions have in common when nobody would call them different. */
export const questionKey = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

/** What may precede any question; the plain question comes first. */
const OPENINGS = ["", "Hello. ", "Excuse me. ", "Good day. "];

/**
 * Yields up to `count` cases of every slice, fewer where the corpus has too few questions. Each
 * question is unique.
 */
export function* makeCases(options: {
  voices: Voices;
  split: PlaceSplit;
  count: number;
  random: Random;
}): Generator<ToolCase> {
  const { voices, split, count } = options;
  const asked = new Set<string>();

  const build = (
    slice: ToolSlice,
    at: number,
    text: string,
    expected: ToolCase["expected"],
    now: Date,
    random: Random,
  ): ToolCase => {
    const [first, ...rest] = [
      ...voiceMessages(pickPersona(random)),
      { role: "user" as const, content: text },
    ].map(toWireMessage);
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
    templates: Record<WeatherToolName, readonly Template[]>,
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
      const expected = [{ name: question.tool, arguments: question.arguments }];
      yield build(slice, made++, question.text, expected, now, random);
    }
  };

  const silent = function* (slice: ToolSlice, questions: readonly string[]): Generator<ToolCase> {
    const random = options.random.fork(slice);
    let made = 0;
    for (const opening of OPENINGS) {
      for (const question of random.shuffle(questions)) {
        const text = opening + question;
        if (made >= count) return;
        if (isNew(text)) yield build(slice, made++, text, [], someMoment(random), random);
      }
    }
  };

  const heldout = questionTemplates(voices, "heldout");
  const train = questionTemplates(voices, "train");
  yield* weather("heldout-phrasing", heldout, split.train);
  yield* weather("heldout-place", train, split.heldout);
  yield* weather("heldout-both", heldout, split.heldout);
  yield* silent(
    "no-tool",
    voices.banter.heldout.map((entry) => entry.user),
  );
  yield* silent("missing-location", voices.missing.heldout);
}
