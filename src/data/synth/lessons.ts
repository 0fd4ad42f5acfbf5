/** Instruction rows that need no document: placed jokes, rewriting, explaining, and unsafe wishes turned. */
import type { Conversation, Domain, Persona } from "../../core/conversation.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import type { Place } from "../../weather/place.ts";
import { answerWeather, cityOf, textOf } from "./answer.ts";
import { fill } from "./fill.ts";
import { AUTHOR_NAMES, JOKE } from "./instruction-templates.ts";
import { createSimulator, someMoment } from "./simulator.ts";
import { type Voices, voiceMessages } from "./voices.ts";
import { QUIPS, SKIES } from "./weather-quips.ts";
import { EXPLAIN, EXPLAINED, JOKE_PLACED, PLAIN, REWRITE, SAFE } from "./written-lessons.ts";

type Voice = Exclude<Persona, "neutral">;

interface Lesson {
  domain: Domain;
  persona: Persona;
  /** The request's wording, `name:number`. */
  template: string;
  /** The written text that answers: rows with one stay on one side of the split. */
  key: string;
  user: string;
  answer: string;
}

interface Sources {
  voices: Voices;
  places: readonly Place[];
  random: Random;
}

const pickVoice = (random: Random): Voice => (random.next() < 0.6 ? "twain" : "franklin");

function numbered(name: string, texts: readonly string[], random: Random): [string, string] {
  const at = random.integer(0, texts.length - 1);
  return [`${name}:${at}`, texts[at]!];
}

/** With a town as a rule, else of "our town". */
function joke({ places, random }: Sources): Lesson {
  const persona = pickVoice(random);
  const sky = random.pick(SKIES);
  const [, quip] = numbered("", QUIPS[sky][persona], random);
  const key = `quip:${sky}:${persona}:${QUIPS[sky][persona].indexOf(quip)}`;
  const said = {
    rain: "rain",
    snow: "snow",
    fog: "fog",
    clear: "clear skies",
    clouds: "clouds",
    storm: "storms",
  }[sky];
  const placed = random.next() < 0.8;
  const [template, text] = placed
    ? numbered("joke-placed", JOKE_PLACED, random)
    : numbered("joke", JOKE, random);
  const city = placed ? random.pick(places).name : "our town";
  const answer = fill(quip, { city });
  return {
    domain: "humour",
    persona,
    template,
    key,
    user: fill(text, { city, sky: said, topic: said }),
    answer: answer.charAt(0).toUpperCase() + answer.slice(1),
  };
}

function explain({ random }: Sources): Lesson {
  const persona = pickVoice(random);
  const entry = random.pick(EXPLAINED);
  const [template, text] = numbered("explain", EXPLAIN, random);
  return {
    domain: "literary",
    persona,
    template,
    key: `explain:${entry.thing}`,
    user: fill(text, { thing: entry.thing }),
    answer: entry[persona],
  };
}

function safe({ places, random }: Sources): Lesson {
  const persona = pickVoice(random);
  const at = random.integer(0, SAFE.length - 1);
  const { ask, [persona]: reply } = SAFE[at]!;
  const city = random.pick(places).name;
  const [number, text] = numbered(`safe:${at}`, ask, random);
  return {
    domain: "humour",
    persona,
    template: number,
    key: `safe:${at}`,
    user: fill(text, { city }),
    answer: fill(reply, { city, CITY: city.toUpperCase() }),
  };
}

/** Words of a report that a rewriting may not add. */
const EXTRAS = /\b(?:tomorrow|celsius|fahrenheit)\b/gi;
const extras = (text: string): Set<string> =>
  new Set((text.match(EXTRAS) ?? []).map((word) => word.toLowerCase()));

/** One written answer, at most so often: a model should learn the manner and not the sentence. */
const MOST_SAID = 24;

const digits = (text: string): string[] => text.match(/\d+/g) ?? [];

/** A plain report and a voiced one of the same facts; undefined where the voiced one says more or less. */
function bothWays(
  result: JsonObject,
  tool: "get_weather" | "get_current_weather",
  persona: Voice,
  { voices, random }: Sources,
): { plain: string; voiced: string } | undefined {
  const asked = {
    tool,
    location: cityOf(result),
    when: tool === "get_weather" ? "tomorrow" : "",
    days: "",
    wants: [],
  };
  const plain = answerWeather(asked, result, "neutral", voices, random);
  const voiced = answerWeather(asked, result, persona, voices, random);
  const same = digits(plain).toSorted().join() === digits(voiced).toSorted().join();
  const conditions = textOf(result.conditions).toLowerCase();
  const named = [plain, voiced].every((text) => text.toLowerCase().includes(conditions));
  const added = [...extras(voiced)].some((word) => !extras(plain).has(word));
  const grounded = [plain, voiced].every((text) => checkGrounded(text, [result]).grounded);
  return same && named && !added && grounded ? { plain, voiced } : undefined;
}

/**
 * Yields at most `count` different rows, `maxPerTemplate` a template. What a rewritten report says is weather
 * that the offline provider gave, the same in both.
 */
export async function* makeLessons(
  { voices, places, random }: Sources,
  options: {
    count: number;
    maxPerTemplate: number;
    world: readonly Place[];
    signal: AbortSignal;
  },
): AsyncGenerator<Conversation> {
  const sources = { voices, places, random };
  const simulator = createSimulator(options.world);
  const rewrite = async (): Promise<Lesson | undefined> => {
    const persona = pickVoice(random);
    simulator.set(someMoment(random));
    const tool = random.next() < 0.6 ? "get_weather" : "get_current_weather";
    const given: JsonObject = { location: random.pick(places).name };
    if (tool === "get_weather") given.date = "tomorrow";
    const result = await simulator.run(tool, given, options.signal);
    const both = bothWays(result, tool, persona, sources);
    if (!both) return undefined;
    const back = random.next() < 0.25;
    const [template, text] = back
      ? numbered("plain", PLAIN, random)
      : numbered("rewrite", REWRITE, random);
    return {
      domain: "literary",
      persona: back ? "neutral" : persona,
      template,
      key: template,
      user: fill(text, { ...both, author: AUTHOR_NAMES[persona] }),
      answer: back ? both.plain : both.voiced,
    };
  };
  const used = new Map<string, number>();
  const seen = new Set<string>();
  for (let made = 0, tries = 0; made < options.count && tries < options.count * 8; tries++) {
    options.signal.throwIfAborted();
    const draw = random.next();
    const lesson =
      draw < 0.4
        ? joke(sources)
        : draw < 0.85
          ? await rewrite()
          : draw < 0.93
            ? explain(sources)
            : safe(sources);
    if (!lesson) continue;
    const { domain, persona, template, key, user, answer } = lesson;
    const count = used.get(template) ?? 0;
    const text = `${persona} ${user} ${answer}`;
    const written = `${key} ${persona}`;
    const said = key === template ? 0 : (used.get(written) ?? 0);
    if (count >= options.maxPerTemplate || said >= MOST_SAID || seen.has(text)) continue;
    used.set(template, count + 1);
    used.set(written, said + 1);
    seen.add(text);
    yield {
      id: `lesson-${String(made++).padStart(6, "0")}`,
      messages: [
        ...voiceMessages(persona),
        { role: "user", content: user },
        { role: "assistant", content: answer },
      ],
      tags: { persona, domain, source: "lessons", synthetic: true },
      meta: {
        parents: [],
        licence: "CC0-1.0",
        generator: "twainbot-lessons",
        template,
        split_key: key,
      },
    };
  }
}
