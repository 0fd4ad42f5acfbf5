/** A day counted from the date that the system message states: the call wants it as a date. */
import { createZoneClock } from "../../../weather/zone-clock.ts";
import { type Question, drawTaughtPlace, wordPlace } from "../ask.ts";
import { answerQuestion } from "../exchanges.ts";
import { fill } from "../fill.ts";
import { sayDay } from "../stated-date.ts";
import { type Category, someUnits, weatherTools } from "./category.ts";

export const dated: Category = {
  name: "dated",
  train: [
    "What will the weather be in {place} {day}?",
    "How will it be in {place} {day}?",
    "What is the forecast for {place} {day}?",
    "I shall be in {place} {day}. What weather should I look for?",
    "Weather in {place} {day}, please.",
    "Will I want a coat in {place} {day}?",
    "My sister marries in {place} {day}. What weather will she have?",
    "Tell me what to expect in {place} {day}.",
    "Is {place} likely to be dry {day}?",
    "We sail from {place} {day}. How does the sky look?",
    "Check {place} for me {day}.",
    "There is a fair at {place} {day}. What is the weather to be?",
  ],
  heldout: [
    "Can I dry hay in {place} {day}?",
    "{place} {day}: what is promised?",
    "They hold a parade in {place} {day}; how will the weather treat it?",
  ],
  measured: true,
  async draw({ sources, talk, templates }) {
    const { random, said } = sources;
    const template = said.pick(templates, random);
    const place = drawTaughtPlace(random, sources.places);
    const location = wordPlace(place, random, 0.4);
    const today = createZoneClock().date(talk.now, place.timezone);
    const day = sayDay(today, random);
    const units = someUnits(random);
    const question: Question = {
      tool: "get_weather",
      template: template.id,
      text: fill(template.text, { place: location, day: day.words }) + units.after,
      location,
      date: day.date,
      when: day.words,
      days: "",
      wants: [],
      arguments: { location, date: day.date, ...units.argument },
    };
    const exchange = await answerQuestion({ question, place }, talk, sources);
    return { exchanges: [exchange], tools: weatherTools(exchange.called, random), today };
  },
};
