/** A joke or a saying about weather that a tool must report first. */
import type { Persona } from "../../../core/conversation.ts";
import { answerWeather, cityOf, textOf } from "../answer.ts";
import { factsAsked } from "../asked-facts.ts";
import { type Question, wordPlace } from "../ask.ts";
import { callAndAnswer } from "../exchanges.ts";
import { fill } from "../fill.ts";
import { QUIPS, skyOf } from "../weather-quips.ts";
import { type Category, weatherTools } from "./category.ts";

export const hybrid: Category = {
  name: "hybrid",
  train: [
    "Tell me a joke about the weather in {place} right now.",
    "Look up the weather in {place} and make a joke of it.",
    "What is the weather in {place} now? Make it funny.",
    "Give me the present weather of {place} with a witty remark.",
    "Report the weather in {place} as a humorist would.",
    "Say something clever about the weather they are having in {place}.",
    "How is {place} just now? I want the facts and then a joke.",
    "The weather in {place} at the moment, with a saying to go with it.",
    "Check the weather in {place}, then poke fun at it.",
    "Tell me a joke about the weather in {place} {date}.",
    "What will the weather be in {place} {date}? Make it funny.",
    "Give me {place}'s weather {date} and a maxim to match.",
    "Forecast for {place} {date}, and something to laugh at.",
    "I have guests from {place}. Give me its weather {date} and a line to amuse them.",
    "Be witty about the weather in {place} {date}, but get it right.",
    "First the weather in {place} {date}, then a quip.",
  ],
  heldout: [
    "Amuse me with what the sky is doing over {place} now.",
    "The weather of {place} {date}, told so that I smile.",
    "Roast the present weather of {place}.",
  ],
  measured: false,
  async draw({ sources, talk, templates }) {
    const { random, voices } = sources;
    const persona: Exclude<Persona, "neutral"> =
      talk.persona === "neutral" ? "twain" : talk.persona;
    const voiced = { ...talk, persona };
    // A sky that nothing was written about yet is no joke: another town is asked about.
    for (let tries = 0; ; tries++) {
      const template = random.pick(templates);
      const daily = template.text.includes("{date}");
      const place = random.pick(sources.places);
      const location = wordPlace(place, random, 0.3);
      const date = random.pick(["today", "tomorrow"]);
      const tool = daily ? "get_weather" : "get_current_weather";
      const question: Pick<Question, "tool" | "location" | "when" | "days" | "wants"> = {
        tool,
        location,
        when: daily ? date : "",
        days: "",
        wants: factsAsked(template.text),
      };
      const given = { location, ...(daily && { date }) };
      const result = await sources.simulator.run(tool, given, sources.signal);
      const sky = skyOf(textOf(result.conditions));
      if (!sky && tries < 20) continue;
      const neutral = answerWeather(question, result, "neutral", voices, random);
      const quip = sky ? random.pick(QUIPS[sky][persona]) : "";
      const { messages } = await callAndAnswer(
        fill(template.text, { place: location, date }),
        [{ name: tool, arguments: given }],
        () => `${neutral} ${fill(quip, { city: cityOf(result) })}`.trim(),
        voiced,
        sources,
      );
      return {
        exchanges: [{ domain: "hybrid", template: template.id, messages, called: [tool] }],
        tools: weatherTools([tool], random),
        persona,
      };
    }
  },
};
