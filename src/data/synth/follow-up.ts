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
import { factsAsked } from "./asked-facts.ts";
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

/** A template with its place, as it is typed. */
function namePlace(
  template: Template,
  { place, random, shares }: Options,
): Pick<Question, "template" | "text" | "location"> {
  const named = wordPlace(place, random, shares.area);
  const { text, lower } = careless(fill(template.text, { place: named }), shares.lower, random);
  return { template: template.id, text, location: lower ? named.toLowerCase() : named };
}

/** "And in Boston?": the call before, for another place. */
export function askAnotherPlace(template: Template, before: Question, options: Options): Question {
  const named = namePlace(template, options);
  const { location } = named;
  return {
    ...before,
    ...named,
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
  const { when } = words;
  const wants = OWN_SUBJECT.test(template.text) ? factsAsked(template.text) : before.wants;
  return dayQuestion(before, { template: template.id, text: typed.text, date, when, wants });
}

/** "Will it rain there on Friday?" asks something else than the question before it. */
const OWN_SUBJECT = /\b(?:rain|warm|cold|coat|snow|sun)\b/i;

/** "Will it rain tomorrow?" after an answer: about the place of that answer. */
export function askOfSamePlace(template: string, before: Question, said: Said): Question {
  const { date, when, wants } = said.pending!;
  return dayQuestion(before, { template, text: said.text, date, when, wants });
}

function dayQuestion(
  before: Question,
  asked: Pick<Question, "template" | "text" | "date" | "when" | "wants">,
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
  const named = namePlace(template, options);
  const { location } = named;
  const { tool, date, when, days, count, wants } = pending;
  return {
    ...named,
    tool,
    date,
    when,
    days,
    wants,
    arguments: {
      location,
      ...(tool === "get_weather" && { date }),
      ...(tool === "get_forecast" && { days: count }),
    },
  };
}
