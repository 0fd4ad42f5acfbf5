/** Reading drills: what a sentence or a line of JSON says, answered in short sentences or restated whole. */
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { CONDITION_PHRASES } from "../../weather/conditions.ts";
import { type Place, placeLabel } from "../../weather/place.ts";
import { WEEKDAYS } from "../../weather/resolve-date.ts";
import { TAUGHT, askWeather, drawTaughtPlace } from "./ask.ts";
import { EXTRACT_ASKS, drawReport, extract } from "./drill-report.ts";
import type { Drill, DrillSources } from "./drills.ts";
import { fill } from "./fill.ts";
import { sayMissing } from "./missing.ts";
import { inventPerson, inventPlace, inventTown, inventWord } from "./names.ts";
import { someMoment } from "./simulator.ts";

const SKIES: readonly string[] = [
  ...CONDITION_PHRASES,
  ..."warm wind,cold wind,strong wind,gray skies,blue skies,thin haze,falling leaves,loud thunder,soft rain,wet snow,black ice,a bright moon".split(
    ",",
  ),
];
const COUNTRIES =
  "Missouri, United States|Texas, United States|Ohio, United States|New York, United States|England, United Kingdom|France|Italy|Japan|Norway|Brazil|Canada|Kenya".split(
    "|",
  );

interface Spot {
  name: string;
  /** As a tool might give it: "Hannibal, Missouri, United States". */
  label: string;
}

/** A place of the list, or one that does not exist. */
function pickSpot(random: Random, places: readonly Place[]): Spot {
  const draw = random.next();
  if (draw < 0.35 && places.length > 0) {
    const place = random.pick(places);
    return { name: place.name, label: placeLabel(place) };
  }
  const name = draw < 0.65 ? inventPlace(random) : inventTown(random);
  return { name, label: `${name}, ${random.pick(COUNTRIES)}` };
}

const pickPlace = (random: Random, places: readonly Place[]): string =>
  pickSpot(random, places).name;

interface Fact {
  key: string;
  value: string | number;
  /** "a high of 62". */
  clause: string;
  asks: readonly string[];
  /** Slots: {place} and {value}. */
  answers: readonly string[];
}

/** Weather facts under changing names, in changing order: the model must read, not remember. */
function weatherFacts(random: Random): Fact[] {
  const low = random.integer(-25, 90);
  const high = low + random.integer(2, 26);
  const chance = random.integer(0, 100);
  const wind = random.integer(1, 60);
  const now = random.integer(-20, 110);
  const humidity = random.integer(5, 100);
  const sky = random.pick(SKIES);
  const fact = (
    keys: string,
    value: string | number,
    clause: string,
    asks: string,
    answers: string,
  ): Fact => ({
    // The first is the weather tools' own name for it.
    key: random.next() < 0.5 ? keys.split(" ")[0]! : random.pick(keys.split(" ")),
    value,
    clause,
    asks: asks.split("|"),
    answers: answers.split("|"),
  });
  const all = [
    fact(
      "high max top warmest",
      high,
      `a high of ${high}`,
      "How warm will it be?|What is the high?|How hot will it get?|What is the top?",
      "The high in {place} is {value}.|It will reach {value} in {place}.|{place} will have a high of {value}.",
    ),
    fact(
      "low min bottom coldest",
      low,
      `a low of ${low}`,
      "How cold will it be?|What is the low?|How cold will it get?",
      "The low in {place} is {value}.|It will fall to {value} in {place}.|{place} will have a low of {value}.",
    ),
    fact(
      "precipitation_chance chance rain_chance odds",
      chance,
      `a ${chance} percent chance of rain`,
      "What is the chance of rain?|Will it rain?|How likely is rain?",
      "The chance of rain in {place} is {value} percent.|{place} has a {value} percent chance of rain.",
    ),
    fact(
      "wind_speed wind breeze",
      wind,
      `a wind of ${wind}`,
      "How strong is the wind?|What is the wind?",
      "The wind in {place} is {value}.|{place} has a wind of {value}.",
    ),
    fact(
      "temperature now degrees",
      now,
      `a temperature of ${now}`,
      "How warm is it now?|What is the temperature?",
      "It is {value} in {place}.|{place} is at {value} degrees.|The temperature in {place} is {value}.",
    ),
    fact(
      "humidity damp",
      humidity,
      `${humidity} percent humidity`,
      "How humid is it?|What is the humidity?",
      "The humidity in {place} is {value} percent.",
    ),
  ];
  const skyFact = fact(
    "conditions sky weather outlook",
    sky,
    sky,
    "What will the sky do?|What is the weather?|What is coming?|What are the conditions?",
    "{place} will have {value}.|Expect {value} in {place}.|It is {value} in {place}.",
  );
  return [skyFact, ...random.shuffle(all).slice(0, random.pick([2, 2, 3]))];
}

/** Key and order as a tool might have them; a place often with its area behind it. */
function asJson(random: Random, spot: Spot, facts: readonly Fact[]): string {
  const key = random.pick(["location", "location", "place", "city", "town", "where"]);
  const label = random.next() < 0.6 ? spot.label : spot.name;
  const noise: [string, string | number][] =
    random.next() < 0.4
      ? [
          random.pick<[string, string | number]>([
            ["units", random.pick(["celsius", "fahrenheit"])],
            ["id", random.integer(1, 999)],
            ["date", `2026-0${random.integer(1, 9)}-${random.integer(10, 28)}`],
            ["owner", inventPerson(random)],
          ]),
        ]
      : [];
  const pairs = [...facts.map((fact) => [fact.key, fact.value] as const), ...noise];
  const rest = random.next() < 0.5 ? pairs : random.shuffle(pairs);
  return JSON.stringify(Object.fromEntries([[key, label], ...rest]) as JsonObject);
}

function asSentence(random: Random, place: string, facts: readonly Fact[]): string {
  const [first, ...others] = facts.map((fact) => fact.clause);
  const told = random.pick([
    `${place} has ${first}, ${others.join(", ")}.`,
    `In ${place}: ${[first, ...others].join(", ")}.`,
    `${place} will have ${first} with ${others.join(" and ")}.`,
    `They say ${place} gets ${first}, ${others.join(" and ")}.`,
  ]);
  return fill(told, {});
}

function drawWeather(random: Random, places: readonly Place[]): Drill {
  const spot = pickSpot(random, places);
  const place = spot.name;
  const facts = weatherFacts(random);
  const json = random.next() < 0.68;
  const text = json ? asJson(random, spot, facts) : asSentence(random, place, facts);
  const lead = (ask: string): string =>
    random.next() < 0.75 ? `${text} ${ask}` : `${ask} ${text}`;
  const source = json ? "json" : "sentence";

  const draw = random.next();
  if (draw < 0.08) {
    const ask = random.pick(["Where is this?", "Which place is this?", "What place is it about?"]);
    const answer = random.pick([`This is ${place}.`, `It is about ${place}.`, `${place}.`]);
    return { kind: `place-${source}`, user: lead(ask), answer };
  }
  if (draw < 0.5) {
    const fact = random.pick(facts);
    const answer = fill(random.pick(fact.answers), { place, value: fact.value });
    return { kind: `fact-${source}`, user: lead(random.pick(fact.asks)), answer };
  }
  const ask = random.pick([
    "Say all of it.",
    "What does it say?",
    "Tell me everything.",
    "Report.",
  ]);
  return { kind: `restate-${source}`, user: lead(ask), answer: restate(random, place, facts) };
}

/** All facts in one sentence or two. */
function restate(random: Random, place: string, facts: readonly Fact[]): string {
  const [sky, ...rest] = facts.map((fact) => fact.clause);
  const last = rest.at(-1)!;
  const list = rest.length > 1 ? `${rest.slice(0, -1).join(", ")} and ${last}` : last;
  // `fill` also mends "a 8 percent".
  const told = random.pick([
    `${place} will have ${sky}, with ${list}.`,
    `Expect ${sky} in ${place}, ${list}.`,
    `In ${place} look for ${sky}, with ${list}.`,
    `${place}: ${sky}, ${rest.join(", ")}.`,
    `Look for ${sky} in ${place}. There is ${list}.`,
    `The report for ${place} is ${sky}, with ${list}.`,
    `${place} has ${list}, and ${sky}.`,
  ]);
  return fill(told, {});
}

/** Two or three days in order, as a forecast lists them. */
function drawDays(random: Random, places: readonly Place[]): Drill {
  const spot = pickSpot(random, places);
  const start = random.integer(0, 6);
  // Half of them with all that the forecast tool would say.
  const dated = random.next() < 0.5;
  const month = `202${random.integer(0, 9)}-${String(random.integer(1, 12)).padStart(2, "0")}`;
  const first = random.integer(1, 26);
  const days = Array.from({ length: random.pick([2, 2, 3]) }, (_, i) => {
    const low = random.integer(-20, 85);
    return {
      ...(dated && { date: `${month}-${String(first + i).padStart(2, "0")}` }),
      weekday: WEEKDAYS[(start + i) % 7]!,
      conditions: random.pick(SKIES),
      high: low + random.integer(2, 25),
      low,
      ...(dated && { precipitation_chance: random.integer(0, 100) }),
    };
  });
  const user = JSON.stringify({ location: random.next() < 0.4 ? spot.label : spot.name, days });
  if (random.next() < 0.35) {
    const day = random.pick(days);
    const [ask, answer] = random.pick([
      [`What is ${day.weekday}?`, `${day.weekday} has ${day.conditions}.`],
      [`How warm is ${day.weekday}?`, `The high on ${day.weekday} is ${day.high}.`],
      [`How cold is ${day.weekday}?`, `The low on ${day.weekday} is ${day.low}.`],
    ] as const);
    return { kind: "day-json", user: `${user} ${ask}`, answer };
  }
  const line = random.pick([
    "{weekday}: {conditions}, {high} and {low}.",
    "{weekday} has {conditions}, {high} and {low}.",
    "{weekday}, {conditions}, from {low} to {high}.",
    "{weekday}: {conditions}, high {high}, low {low}.",
  ]);
  const ask = random.pick(["Say each day.", "Day by day.", "List the days."]);
  const answer = days.map((day) => fill(line, day)).join(" ");
  return { kind: "days-json", user: `${user} ${ask}`, answer };
}

/** Facts of other kinds, so that reading is not only about weather. */
function drawOther(random: Random, places: readonly Place[]): Drill {
  const person = inventPerson(random);
  const place = pickPlace(random, places);
  const item = random.pick("hat boat lamp cow clock fiddle wagon kettle barrel goose".split(" "));
  const price = random.integer(1, 400);
  const animal = inventWord(random);
  const facts: readonly [string, string | number, string, string][] = [
    ["town", place, "Where does NAME live?", `NAME lives in ${place}.`],
    ["item", item, "What does NAME sell?", `NAME sells a ${item}.`],
    ["price", price, "What is the price?", `The price is ${price}.`],
    ["pet", animal, "What is the pet called?", `The pet is called ${animal}.`],
    ["age", price % 90, "How old is NAME?", `NAME is ${price % 90}.`],
  ];
  const named = (text: string): string => text.replaceAll("NAME", person);
  const chosen = random.shuffle(facts).slice(0, random.pick([2, 3]));
  const [, , ask, answer] = random.pick(chosen);
  if (random.next() < 0.5) {
    const pairs = chosen.map(([key, value]) => [key, value] as const);
    const json = JSON.stringify(Object.fromEntries([["name", person], ...pairs]) as JsonObject);
    return { kind: "other-json", user: `${json} ${named(ask)}`, answer: named(answer) };
  }
  const told = chosen.map(([, , , sentence]) => named(sentence)).join(" ");
  return { kind: "other-sentence", user: `${told} ${named(ask)}`, answer: named(answer) };
}

/** What a person's message says about place, time and units, picked out of it, or that it says nothing of them. */
function drawMessage(random: Random, sources: DrillSources): Drill {
  const drill = (text: string, asks: readonly string[], answer: string): Drill => ({
    kind: "message",
    user: `${text}\n${random.pick(asks)}`,
    answer,
  });
  const { banter, missing } = sources.messages;
  const kinds = ["Weather or talk?"];
  const where = ["Which place?", "Where?"];
  const draw = random.next();
  if (draw < 0.08) return drill(random.pick(banter), kinds, "talk");
  // Without a place there is nothing to write down, however the question goes on.
  if (draw < 0.17) {
    const { text } = sayMissing(random.pick(missing), someMoment(random), random);
    return drill(text, draw < 0.12 ? where : EXTRACT_ASKS, "nowhere");
  }

  const { tool, template } = random.pick(sources.questions);
  const known = sources.places.length > 0 && random.next() < 0.5;
  const nowhere = { region: "", latitude: 0, longitude: 0, timezone: "UTC" };
  const place: Place = known
    ? drawTaughtPlace(random, sources.places)
    : { name: inventPlace(random), country: inventPlace(random), ...nowhere };
  const question = askWeather({
    tool,
    template,
    place,
    now: someMoment(random),
    random,
    shares: TAUGHT,
  });
  if (draw < 0.23) return drill(question.text, kinds, "weather");
  if (draw < 0.6) return extract(question, random);
  const { units } = question.arguments;
  if (typeof units === "string" && random.next() < 0.5)
    return drill(question.text, ["Which units?"], units);
  if (draw < 0.82) return drill(question.text, where, question.location);
  return drill(question.text, ["When?", "Which time?"], question.days || question.date || "now");
}

/** One reading drill. */
export function drawRead(random: Random, sources: DrillSources): Drill {
  const { places } = sources;
  const draw = random.next();
  if (draw < 0.22) return drawWeather(random, places);
  if (draw < 0.5) return drawReport(random, pickSpot(random, places), sources.voices);
  if (draw < 0.57) return drawDays(random, places);
  return draw < 0.93 ? drawMessage(random, sources) : drawOther(random, places);
}
