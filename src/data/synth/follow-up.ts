/** What is said after an answer, and what it takes over from the call before. */
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import {
  type AskShares,
  type Question,
  type Template,
  careless,
  wordDate,
  wordPlace,
} from "./ask.ts";
import { fill } from "./fill.ts";
import type { PendingCall, Said } from "./missing.ts";

/** A question that was answered, and its place. */
export interface Asked {
  question: Question;
  place: Place;
}

interface Options {
  place: Place;
  now: Date;
  random: Random;
  shares: AskShares;
}

/** "And in Boston?": the call before, for another place. */
export function askAnotherPlace(template: Template, before: Question, options: Options): Question {
  const { place, random, shares } = options;
  const named = wordPlace(place, random, shares.area);
  const typed = careless(fill(template.text, { place: named }), shares.lower, random);
  const location = typed.lower ? named.toLowerCase() : named;
  return {
    ...before,
    template: template.id,
    text: typed.text,
    location,
    arguments: { ...before.arguments, location },
  };
}

/** "And tomorrow?": the place before, on another day; its units too, if any were asked for. */
export function askAnotherDay(template: Template, before: Question, options: Options): Question {
  const { place, now, random, shares } = options;
  const words = wordDate(place.timezone, now, template.text, random);
  const filled = fill(template.text, { date: words.date, on_date: words.onDate });
  const typed = careless(filled, shares.lower, random);
  const date = typed.lower ? words.date.toLowerCase() : words.date;
  return dayQuestion(before, { template: template.id, text: typed.text, date, when: words.when });
}

/** "Will it rain tomorrow?" after an answer: about the place of that answer. */
export function askOfSamePlace(template: string, before: Question, said: Said): Question {
  const { date, when } = said.pending!;
  return dayQuestion(before, { template, text: said.text, date, when });
}

function dayQuestion(
  before: Question,
  asked: Pick<Question, "template" | "text" | "date" | "when">,
): Question {
  const { units } = before.arguments;
  return {
    ...asked,
    tool: "get_weather",
    location: before.location,
    days: "",
    arguments: {
      location: before.location,
      date: asked.date,
      ...(units !== undefined && { units }),
    },
  };
}

/** "In Boston.": the place that a question without one was waiting for. */
export function givePlace(template: Template, pending: PendingCall, options: Options): Question {
  const { place, random, shares } = options;
  const named = wordPlace(place, random, shares.area);
  const typed = careless(fill(template.text, { place: named }), shares.lower, random);
  const location = typed.lower ? named.toLowerCase() : named;
  const { tool, date, when, days, count } = pending;
  return {
    tool,
    template: template.id,
    text: typed.text,
    location,
    date,
    when,
    days,
    arguments: {
      location,
      ...(tool === "get_weather" && { date }),
      ...(tool === "get_forecast" && { days: count }),
    },
  };
}
