/** Two to four places in one question: as many calls at once. */
import { answerComparison } from "../compare.ts";
import { wordPlace } from "../ask.ts";
import { callAndAnswer } from "../exchanges.ts";
import { fill } from "../fill.ts";
import { type Category, listed, someDistractors, someUnits, weatherTools } from "./category.ts";

/** Of some places, mostly two. */
export const howMany = (draw: number): number => (draw < 0.6 ? 2 : draw < 0.9 ? 3 : 4);

export const parallel: Category = {
  name: "parallel",
  train: [
    "What is the weather in {places} right now?",
    "How is it in {places} just now?",
    "Current weather for {places}, please.",
    "I have family in {places}. How is the weather there at the moment?",
    "Check {places} for me: what is the weather now?",
    "Tell me how the weather stands in {places} this minute.",
    "Weather now in {places}?",
    "What will the weather be in {places} {date}?",
    "I need {date}'s weather for {places}.",
    "Give me the weather for {places} {date}.",
    "How will it be {date} in {places}?",
    "I am shipping hats to {places}. What is the weather there {date}?",
    "Look up the weather in {places} for {date}.",
    "What should people in {places} expect {date}?",
    "My relations are spread over {places}. What weather will they get {date}?",
    "For {date}, the weather in {places}, if you would.",
  ],
  heldout: [
    "How are {places} faring {date}, as to weather?",
    "Could you report on {places} for {date}?",
    "We have offices in {places}; what is it doing outside them right now?",
    "Let me have the present weather of {places}.",
  ],
  measured: true,
  async draw({ sources, talk, templates }) {
    const { random, said } = sources;
    const template = said.pick(templates, random);
    const daily = template.text.includes("{date}");
    const names = random
      .shuffle(sources.places)
      .slice(0, howMany(random.next()))
      .map((place) => wordPlace(place, random, 0.2));
    const date = random.pick(["today", "tomorrow"]);
    const units = someUnits(random);
    const text = fill(template.text, { places: listed(names), date }) + units.after;
    const tool = daily ? "get_weather" : "get_current_weather";
    const calls = names.map((location) => ({
      name: tool,
      arguments: { location, ...(daily && { date }), ...units.argument },
    }));
    const { messages } = await callAndAnswer(
      text,
      calls,
      (results) => answerComparison(results, talk.persona, random),
      talk,
      sources,
    );
    const beside = random.next() < 0.3 ? someDistractors(random, 1, 2) : [];
    return {
      exchanges: [
        { domain: "tool", template: template.id, messages, called: calls.map(({ name }) => name) },
      ],
      tools: [...weatherTools([tool], random), ...beside],
    };
  },
};
