/** A look-up whose coordinates the forecast then needs: two rounds of calls. */
import type { Message } from "../../../core/chat.ts";
import type { JsonObject } from "../../../core/json.ts";
import { FIND_PLACE, FORECAST_AT } from "../../../weather/place-tools.ts";
import { WEATHER_TOOLS } from "../../../weather/tools.ts";
import { answerWeather } from "../answer.ts";
import { factsAsked } from "../asked-facts.ts";
import { drawTaughtPlace, wordDays, wordPlace } from "../ask.ts";
import type { ExchangeSources, Talk } from "../exchanges.ts";
import { fill } from "../fill.ts";
import { type Category, someDistractors, someUnits } from "./category.ts";

/** A call and its result, as messages. */
async function round(
  name: string,
  given: JsonObject,
  talk: Talk,
  { simulator, signal }: ExchangeSources,
): Promise<{ result: JsonObject; messages: Message[] }> {
  const result = await simulator.run(name, given, signal);
  const id = talk.nextId();
  return {
    result,
    messages: [
      { role: "assistant", content: null, toolCalls: [{ id, name, arguments: given }] },
      { role: "tool", toolCallId: id, name, content: JSON.stringify(result) },
    ],
  };
}

export const dependent: Category = {
  name: "dependent",
  train: [
    "What is the forecast for {place} for the next {days}?",
    "Find {place} on the map and give me the forecast there for {days}.",
    "Look up where {place} is, then tell me the next {days} of weather.",
    "I need the weather in {place} for the next {days}.",
    "How will the next {days} be in {place}?",
    "Locate {place} and read me {days} of forecast.",
    "Forecast for {place}, {days}, please.",
    "Tell me the weather of the coming {days} at {place}.",
    "What do the next {days} hold for {place}?",
    "I am off to {place} for {days}. What weather should I pack for?",
    "{place}, next {days}: what is the weather?",
    "Get the coordinates of {place} and the forecast for {days}.",
  ],
  heldout: [
    "Kindly work out where {place} lies and what the sky has planned over {days}.",
    "Over the coming {days}, what will they have in {place}?",
    "{days} of weather for {place}; find the spot first.",
  ],
  measured: true,
  async draw({ sources, talk, templates }) {
    const { random, said, voices } = sources;
    const template = said.pick(templates, random);
    const place = wordPlace(drawTaughtPlace(random, sources.places), random, 0.4);
    const days = wordDays(random);
    const units = someUnits(random);
    const content = fill(template.text, { place, days: days.words }) + units.after;
    const found = await round(FIND_PLACE.name, { name: place }, talk, sources);
    const { latitude, longitude } = found.result;
    const forecast = await round(
      FORECAST_AT.name,
      { latitude: latitude!, longitude: longitude!, days: days.count, ...units.argument },
      talk,
      sources,
    );
    const asked = {
      tool: "get_forecast",
      location: place,
      when: "",
      days: days.words,
      wants: factsAsked(content, [place]),
    } as const;
    const answer = answerWeather(asked, forecast.result, talk.persona, voices, random);
    return {
      exchanges: [
        {
          domain: "tool",
          template: template.id,
          called: [FIND_PLACE.name, FORECAST_AT.name],
          messages: [
            { role: "user", content },
            ...found.messages,
            ...forecast.messages,
            { role: "assistant", content: answer },
          ],
        },
      ],
      tools: random.shuffle([
        FIND_PLACE,
        FORECAST_AT,
        ...(random.next() < 0.4 ? [WEATHER_TOOLS[0]!] : []),
        ...someDistractors(random, 0, 2),
      ]),
    };
  },
};
