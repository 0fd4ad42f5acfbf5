/** Places compared by the tool that is made for it, and a verdict where one was asked for. */
import { type JsonObject, isJsonObject } from "../../../core/json.ts";
import { COMPARE_WEATHER, FIND_PLACE } from "../../../weather/place-tools.ts";
import { WEATHER_TOOLS } from "../../../weather/tools.ts";
import { cityOf } from "../answer.ts";
import { wordPlace } from "../ask.ts";
import { answerComparison } from "../compare.ts";
import { callAndAnswer } from "../exchanges.ts";
import { fill } from "../fill.ts";
import { sayVerdict } from "../verdict.ts";
import { type Category, listed, someDistractors, someUnits } from "./category.ts";
import { howMany } from "./parallel.ts";

export const comparison: Category = {
  name: "comparison",
  train: [
    "Compare the weather in {places} {date}.",
    "Which will be warmer {date}, {either}?",
    "Which will be colder {date}, {either}?",
    "Where will it be warmer {date}: {either}?",
    "Where will it be colder {date}: {either}?",
    "Is it to be warmer in {either} {date}?",
    "Put {places} side by side for {date}.",
    "I may go to {either} {date}. Which is the warmer?",
    "{either}: which is colder {date}?",
    "How do {places} compare {date}?",
    "Set the weather of {places} next to each other for {date}.",
    "I like a cold room. Which is colder {date}, {either}?",
  ],
  heldout: [
    "Between {places}, who is warmer {date}?",
    "Draw me a comparison of {places} for {date}.",
    "Of {places}, which has the colder weather {date}?",
  ],
  measured: true,
  async draw({ sources, talk, templates }) {
    const { random, said } = sources;
    const template = said.pick(templates, random);
    const locations = random
      .shuffle(sources.places)
      .slice(0, howMany(random.next()))
      .map((place) => wordPlace(place, random, 0.2));
    const date = random.pick(["today", "tomorrow", "tomorrow", "Saturday", "Sunday", "Monday"]);
    const units = someUnits(random);
    const day = /^[a-z]/.test(date) ? date : `on ${date}`;
    const text = fill(template.text, {
      places: listed(locations),
      either: listed(locations, "or"),
      date: day,
    }).replace(/\bfor on\b/, "for");
    const { messages } = await callAndAnswer(
      text + units.after,
      [{ name: COMPARE_WEATHER.name, arguments: { locations, date, ...units.argument } }],
      ([result]) => {
        const places = Array.isArray(result!.places) ? result!.places.filter(isJsonObject) : [];
        const reports = places.map((place): JsonObject => ({ ...place, units: result!.units! }));
        const answer = answerComparison(reports, talk.persona, random);
        const asked = /warmer|colder/.exec(text)?.[0];
        const verdict =
          asked === "warmer" || asked === "colder"
            ? sayVerdict(
                asked,
                reports.map((report) => ({ city: cityOf(report), high: Number(report.high) })),
              )
            : undefined;
        return verdict ? `${verdict} ${answer}` : answer;
      },
      talk,
      sources,
    );
    const [current] = WEATHER_TOOLS;
    return {
      exchanges: [
        { domain: "tool", template: template.id, messages, called: [COMPARE_WEATHER.name] },
      ],
      tools: random.shuffle([
        COMPARE_WEATHER,
        ...(random.next() < 0.5 ? [current!] : []),
        ...(random.next() < 0.5 ? [FIND_PLACE] : []),
        ...someDistractors(random, 0, 2),
      ]),
    };
  },
};
