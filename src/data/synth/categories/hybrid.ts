/** A joke or a saying about weather that a tool must report first. */
import type { Persona } from "../../../core/conversation.ts";
import { answerWeather, cityOf, textOf } from "../answer.ts";
import { factsAsked } from "../asked-facts.ts";
import { type Question, wordPlace } from "../ask.ts";
import { callAndAnswer } from "../exchanges.ts";
import { fill } from "../fill.ts";
import { QUIPS, skyOf } from "../weather-quips.ts";
import { type Category, weatherTools } from "./category.ts";

/** Towns that are looked at for one row. */
const TRIES = 20;

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
    "What's it like in {place} right now? Make me laugh.",
    "Give me the weather in {place} at the moment, and a punchline.",
    "Tell me what {place} is getting just now and tease the sky for it.",
    "I need cheering up. What is the weather doing in {place} now?",
    "Weather in {place} right now, but funny.",
    "Can you roast the weather in {place} {date}?",
    "Read me the weather of {place} {date} and finish with a wisecrack.",
    "How will it be in {place} {date}? Numbers first, joke after.",
    "I'm calling my mother in {place}. Give me her weather {date} and something to make her smile.",
    "Weather for {place} {date} please, with a proverb thrown in.",
    "Put a little humor on the forecast for {place} {date}.",
    "My students in {place} ignore plain forecasts. Give them a funny one for {date}.",
    "What has {place} got coming {date}, and what would a wit say of it?",
    "I have to open a meeting in {place} {date}. The weather and an icebreaker, please.",
    "Do {place} {date}: the real forecast, then a laugh.",
    "Check {place} for {date} and mock whatever you find up there.",
    "Is there anything to laugh at in the weather of {place} just now?",
    "One line of weather for {place} now, and one line of nonsense after it.",
    "Write me a postcard from {place}: the weather right now and a joke about it.",
    "What is {place} having for weather {date}? Season it with a joke.",
    "funny weather report for {place} {date}",
    "weather in {place} now plus a joke pls",
    "Tell {place} what to expect {date}, and be kind but amusing.",
    "Let me hear the weather in {place} {date} the way a stage comic would give it.",
    "My newsletter goes to {place}. Its weather {date} and a line to lighten it, please.",
    "How's the sky over {place} at this minute? Say something clever about it too.",
    "Describe the weather in {place} now with a grin.",
    "Any good lines about the weather in {place} {date}? Get the figures right first.",
  ],
  heldout: [
    "Amuse me with what the sky is doing over {place} now.",
    "The weather of {place} {date}, told so that I smile.",
    "Roast the present weather of {place}.",
  ],
  measured: false,
  async draw({ sources, talk, templates }) {
    const { random, said, voices } = sources;
    const persona: Exclude<Persona, "neutral"> =
      talk.persona === "neutral" ? "twain" : talk.persona;
    const voiced = { ...talk, persona };
    const template = said.pick(templates, random);
    // A sky that nothing was written about, or nothing unsaid, is no joke: another town is asked about.
    for (let tries = 0; ; tries++) {
      const daily = template.text.includes("{date}");
      const place = random.pick(sources.places);
      const location = wordPlace(place, random, 0.3);
      const date = random.pick(["today", "tomorrow"]);
      const tool = daily ? "get_weather" : "get_current_weather";
      const text = fill(template.text, { place: location, date });
      const question: Pick<Question, "tool" | "location" | "when" | "days" | "wants"> = {
        tool,
        location,
        when: daily ? date : "",
        days: "",
        wants: factsAsked(text, [location]),
      };
      const given = { location, ...(daily && { date }) };
      const result = await sources.simulator.run(tool, given, sources.signal);
      const sky = skyOf(textOf(result.conditions));
      const quips = sky ? QUIPS[sky][persona] : [];
      if (!said.hasLeft(quips) && tries < TRIES) continue;
      const neutral = answerWeather(question, result, "neutral", voices, random);
      const quip = quips.length > 0 ? said.pick(quips, random) : "";
      const { messages } = await callAndAnswer(
        text,
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
