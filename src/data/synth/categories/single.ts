/** One question and one call; now and then which clock a place keeps, which its coordinates' look-up tells. */
import { FIND_PLACE } from "../../../weather/place-tools.ts";
import { cityOf, textOf } from "../answer.ts";
import { wordPlace } from "../ask.ts";
import { answerQuestion, callAndAnswer, drawQuestion } from "../exchanges.ts";
import { fill } from "../fill.ts";
import { type Category, someDistractors, weatherTools } from "./category.ts";

const LINES = {
  twain: [
    "{city} keeps {zone}, and is late for dinner by it like everyone else.",
    "They set their watches by {zone} in {city}, and then do as they please.",
    "{city} goes by {zone}. The mud there keeps its own time.",
    "By the map {city} belongs to {zone}, and I never knew a map to oversleep.",
  ],
  franklin: [
    "{city} keeps the clock of {zone}; see that thou art not behind it.",
    "The hours at {city} are those of {zone}, and no longer than elsewhere.",
    "{zone} is the reckoning at {city}. Lost time is lost in every zone alike.",
    "At {city} the day is counted by {zone}, and wasted by the inhabitants.",
  ],
  neutral: ["{city} is in the time zone {zone}.", "The time zone of {city} is {zone}."],
} as const;

export const single: Category = {
  name: "single",
  train: [
    "What time zone is {place} in?",
    "Which time zone does {place} keep?",
    "Look up the time zone of {place}.",
    "Find me the time zone for {place}, please.",
    "Do you know what time zone {place} is in?",
    "By which time zone do they live in {place}?",
    "time zone of {place}?",
    "I need the time zone of {place}.",
  ],
  heldout: [],
  measured: false,
  async draw({ sources, talk, templates }) {
    const { random, said } = sources;
    if (random.next() >= 0.08) {
      const exchange = await answerQuestion(drawQuestion(sources, talk), talk, sources);
      return { exchanges: [exchange], tools: weatherTools(exchange.called, random) };
    }
    const template = said.pick(templates, random);
    const name = wordPlace(random.pick(sources.places), random);
    const { messages } = await callAndAnswer(
      fill(template.text, { place: name }),
      [{ name: FIND_PLACE.name, arguments: { name } }],
      ([result]) =>
        fill(random.pick(LINES[talk.persona]), {
          city: cityOf(result!),
          zone: textOf(result!.timezone),
        }),
      talk,
      sources,
    );
    return {
      exchanges: [{ domain: "tool", template: template.id, messages, called: [FIND_PLACE.name] }],
      tools: random.shuffle([
        FIND_PLACE,
        ...weatherTools([], random),
        ...someDistractors(random, 0, 1),
      ]),
    };
  },
};
