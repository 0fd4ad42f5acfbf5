/** A remark on the weather of a town, by season and condition. */
import { z } from "zod";
import { Persona } from "../../core/conversation.ts";
import type { Random } from "../../core/random.ts";
import { type Place, placeLabel, plainName } from "../../weather/place.ts";
import { countWords } from "../steps/sentences.ts";
import { fill } from "../synth/fill.ts";
import { voiceMessages } from "../synth/voices.ts";
import { drawRounds } from "./draws.ts";
import type { WrittenKind } from "./written-kind.ts";

const Reply = z.object({ text: z.string() });

const REQUESTS: readonly string[] = [
  "Say something funny about {condition} in {city} in {season}.",
  "Tell me a joke about {condition} in {city}.",
  "Make me laugh about {city} in {season}, when there is {condition}.",
  "What is there to say about {condition} in {city}?",
  "Give me a humorous remark on {condition} in {city} in {season}.",
  "I live in {city} and have had enough of {condition}. Cheer me up.",
  "Write something witty about {city} and its {condition}.",
  "{city} has {condition} this {season}. Your thoughts?",
];

const SEASONS = ["winter", "spring", "summer", "autumn"] as const;
type Season = (typeof SEASONS)[number];

/** The words of the request, by which the remark shows that it is about this weather. */
const CONDITIONS: Readonly<Record<string, RegExp>> = {
  rain: /\brain|\bshower|\bwet|\bpour|\bdrench|\bumbrella|\bdamp/i,
  drizzle: /\bdrizzl|\brain|\bdamp|\bmist/i,
  fog: /\bfog|\bmist/i,
  wind: /\bwind|\bbreez|\bgale|\bgust|\bbl[eo]w/i,
  "a thunderstorm": /\bthunder|\blightning|\bstorm/i,
  heat: /\bheat|\bhot\b|\bhotter|\bwarm|\bsun|\bswelter|\broast|\bbak(?:e|ing)/i,
  snow: /\bsnow|\bdrift|\bshovel|\bflake/i,
  frost: /\bfrost|\bfr(?:eez|oze)|\bice\b|\bicy|\bcold/i,
  "clear skies": /\bclear|\bsky\b|\bskies|\bsun|\bblue/i,
};

/** What a season may bring at a latitude: nobody jokes about snow in Singapore. */
function conditionsOf({ latitude }: Place, season: Season): string[] {
  const away = Math.abs(latitude);
  const cold = season === "winter" ? away > 33 : season === "summer" ? false : away > 50;
  const warm = season === "summer" ? away < 60 : season === "winter" ? away < 15 : away < 30;
  const storms = season !== "winter" || away < 35;
  return [
    "rain",
    "drizzle",
    "fog",
    "wind",
    "clear skies",
    ...(storms ? ["a thunderstorm"] : []),
    ...(warm ? ["heat"] : []),
    ...(cold ? ["snow", "frost"] : []),
  ];
}

function pickPersona(random: Random): Persona {
  const draw = random.next();
  return draw < 0.45 ? "twain" : draw < 0.8 ? "franklin" : "neutral";
}

/** Why a text is no remark on that weather in that town. */
export function remarkProblem(text: string, city: string, condition: string): string | undefined {
  const words = countWords(text);
  if (words < 8) return "too short";
  if (words > 110) return "too long";
  // Nothing was looked up: a figure would be an invented fact.
  if (/\d|\bdegrees\b|\bper ?cent\b/i.test(text)) return "states figures";
  const named = ` ${plainName(text)} `.includes(` ${plainName(city)} `);
  return named || CONDITIONS[condition]?.test(text) ? undefined : "another subject";
}

export const weatherHumour: WrittenKind = {
  name: "weather-humour",
  prompts: ["weather-humour"],
  requests: 1,
  plan({ split, voiceTexts }, prompts, count, random) {
    return drawRounds(split.train, placeLabel, count, random).map(
      ({ item: place, round, random: own }) => {
        const persona = pickPersona(own);
        const season = own.pick(SEASONS);
        const condition = own.pick(conditionsOf(place, season));
        const at = own.integer(0, REQUESTS.length - 1);
        const label = placeLabel(place);
        return {
          id: `written:weather-humour:${label.replaceAll(/[ ,]+/g, "-")}/${round}`,
          kind: "joke",
          persona,
          parents: [],
          licence: "CC0-1.0",
          given: `${label}. ${season}. ${condition}.`,
          async write(ask) {
            const values = { voice: voiceTexts[persona], city: label, season, condition };
            return [(await ask(prompts["weather-humour"]!, values, Reply)).text];
          },
          finish: async (text) => {
            const reason = remarkProblem(text, place.name, condition);
            if (reason !== undefined) return { reason };
            return {
              row: {
                persona,
                domain: "humour",
                template: `weather-humour:${at}`,
                splitKey: `weather-humour:${label}`,
                messages: [
                  ...voiceMessages(persona),
                  {
                    role: "user",
                    content: fill(REQUESTS[at]!, { city: place.name, season, condition }),
                  },
                  { role: "assistant", content: text },
                ],
              },
            };
          },
        };
      },
    );
  },
};
