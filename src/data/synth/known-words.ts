/** The words of the texts that episodes are made from, for the drills of a base model. */
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import type { Voices } from "./voices.ts";

/** Keys of results and calls, which no sentence holds. */
const KEYS =
  "name arguments location date days units conditions temperature feels_like humidity wind_speed wind_units weekday high low precipitation_chance error message celsius fahrenheit mph km".split(
    " ",
  );

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) yield* textsIn(inner);
  }
}

/** Each lower-case word of the training side once, and the names that calls and results are written with. */
export function knownWords(voices: Voices): string[] {
  const { questions, missing, banter, answers, remarks, followUps } = voices;
  const shown = [
    Object.values({ ...questions, ...followUps }).map(({ train }) => train),
    [missing.train, missing.asks],
    banter.train,
    answers,
    remarks,
  ];
  const words = new Set([...KEYS, ...WEATHER_TOOLS.map(({ name }) => name)]);
  for (const text of textsIn(shown)) {
    // Slots such as {place} are filled before anyone reads them.
    for (const [word] of text
      .replace(/\{\w+\}/g, " ")
      .matchAll(/(?<![\p{L}'’])\p{Ll}+(?![\p{L}'’])/gu))
      words.add(word);
  }
  return [...words];
}
