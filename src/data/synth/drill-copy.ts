/** Copying drills: the same text again, out of a sentence, quotes or a line of JSON. */
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { wordPlace } from "./ask.ts";
import type { Drill, DrillSources } from "./drills.ts";
import { numberWord } from "./fill.ts";
import { inventPerson, inventPlace, inventPlaceInArea, inventWord } from "./names.ts";

const ASK: readonly ((text: string) => string)[] = [
  (text) => `Repeat: ${text}`,
  (text) => `Repeat this: ${text}`,
  (text) => `Repeat "${text}".`,
  (text) => `Say: ${text}`,
  (text) => `Say "${text}" again.`,
  (text) => `Say this again: ${text}`,
  (text) => `Copy: ${text}`,
  (text) => `Copy this exactly: ${text}`,
  (text) => `Copy "${text}" please.`,
  (text) => `Echo: ${text}`,
  (text) => `Write down: ${text}`,
  (text) => `Write "${text}".`,
  (text) => `${text}\nSay that again.`,
  (text) => `${text}\nRepeat it.`,
  (text) => `repeat ${text}`,
  (text) => `The words are: ${text}. What are the words?`,
];

const KEYS =
  "location place city town name item person day date word title owner color label street answer from to".split(
    " ",
  );

const KINDS = "letter note order map ticket list report question story song".split(" ");
const NESTED = [
  ["name", "arguments"],
  ["kind", "details"],
  ["title", "facts"],
] as const;

/** One thing to copy: mostly names, some words, numbers, days. */
function drawItem(random: Random, places: readonly Place[]): string {
  const draw = random.next();
  if (draw < 0.3) return inventPlace(random);
  if (draw < 0.4) return inventPlaceInArea(random);
  if (draw < 0.66 && places.length > 0) return wordPlace(random.pick(places), random);
  if (draw < 0.72) return inventPerson(random);
  if (draw < 0.8) return inventWord(random);
  if (draw < 0.93) return String(random.integer(-40, 130));
  if (draw < 0.96) {
    const two = (low: number, high: number): string =>
      String(random.integer(low, high)).padStart(2, "0");
    return `20${two(20, 39)}-${two(1, 12)}-${two(1, 28)}`;
  }
  return random.pick(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday today tomorrow tonight".split(" "),
  );
}

/** A row of words: hardly any spelling to mind, only their order. */
const drawWords = (random: Random, words: readonly string[]): string =>
  Array.from({ length: random.integer(3, 12) }, () => random.pick(words)).join(" ");

/** Nothing but a row of words or names, to be said again once or twice: copying and nothing else. */
export function drawEcho(random: Random, { places, words }: DrillSources): Drill {
  const items = Array.from({ length: random.integer(1, 5) }, () => drawItem(random, places));
  const listed = items.join(" ");
  const names = random.next() < 0.15 ? listed.toLowerCase() : listed;
  const text = random.next() < 0.5 ? drawWords(random, words) : names;
  return { kind: "echo", user: text, answer: random.next() < 0.75 ? text : `${text} ${text}` };
}

function drawItems(random: Random, places: readonly Place[]): string {
  const items = Array.from({ length: random.pick([1, 1, 2, 2, 3, 4]) }, () =>
    drawItem(random, places),
  );
  const text = items.join(random.pick([" ", " ", ", ", ", ", " and "]));
  return random.next() < 0.15 ? text.toLowerCase() : text;
}

/** `{"town":"Borville","owner":"Kest"}` and the value of one key. */
function drawField(random: Random, places: readonly Place[]): Drill {
  const keys = random.shuffle(KEYS).slice(0, random.pick([1, 1, 2, 3]));
  const pairs = keys.map((key) => [key, drawItem(random, places)] as const);
  const [key, value] = random.pick(pairs);
  const json = JSON.stringify(Object.fromEntries(pairs));
  const question = random.pick([
    `What is the ${key}?`,
    `Which ${key}?`,
    `Give the ${key}.`,
    `Read out the ${key}.`,
    `${key}?`,
  ]);
  const user = random.next() < 0.7 ? `${json} ${question}` : `${question} ${json}`;
  return { kind: "field", user, answer: value };
}

/** Text into a line of JSON, letter for letter. */
function drawFrame(random: Random, places: readonly Place[]): Drill {
  const keys = random.shuffle(KEYS).slice(0, random.pick([1, 1, 2]));
  const pairs = keys.map((key) => [key, drawItem(random, places)] as const);
  const said = pairs.map(([key, value]) => `the ${key} is ${value}`).join(" and ");
  const ask = random.pick(["Write as JSON:", "Put this in JSON:", "As JSON,"]);
  const facts = Object.fromEntries(pairs);
  if (random.next() < 0.6)
    return { kind: "frame", user: `${ask} ${said}`, answer: JSON.stringify(facts) };
  // One level deeper, with a word of its own in front.
  const kind = random.pick(KINDS);
  const [outer, inner] = random.pick(NESTED);
  return {
    kind: "frame",
    user: `${ask} a ${kind}, ${said}\n${outer}, ${inner}`,
    answer: JSON.stringify({ [outer]: kind, [inner]: facts }),
  };
}

/** "three" and 3. */
function drawSpelling(random: Random): Drill {
  const value = random.integer(1, 7);
  const word = numberWord(value);
  return random.next() < 0.7
    ? {
        kind: "spelled",
        user: random.pick([
          `Write ${word} in digits.`,
          `What number is ${word}?`,
          `${word} in digits`,
          `Write in digits: ${word} ${random.pick(["days", "hats", "miles", "cats"])}`,
        ]),
        answer: String(value),
      }
    : {
        kind: "spelled",
        user: random.pick([`Write ${value} as a word.`, `Spell the number ${value}.`]),
        answer: word,
      };
}

/** One copying drill. */
export function drawCopy(random: Random, { places, words }: DrillSources): Drill {
  const draw = random.next();
  if (draw < 0.66) {
    const text = draw < 0.15 ? drawWords(random, words) : drawItems(random, places);
    return { kind: "repeat", user: random.pick(ASK)(text), answer: text };
  }
  if (draw < 0.82) return drawField(random, places);
  return draw < 0.96 ? drawFrame(random, places) : drawSpelling(random);
}
