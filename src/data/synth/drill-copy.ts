/** Copying drills: the same text again, out of a sentence, quotes or a line of JSON. */
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { wordPlace } from "./ask.ts";
import type { Drill } from "./drills.ts";
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
  const user = random.pick([
    `Write as JSON: ${said}`,
    `Put this in JSON: ${said}`,
    `As JSON, ${said}`,
  ]);
  return { kind: "frame", user, answer: JSON.stringify(Object.fromEntries(pairs)) };
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
export function drawCopy(random: Random, places: readonly Place[]): Drill {
  const draw = random.next();
  if (draw < 0.66) {
    const text = drawItems(random, places);
    return { kind: "repeat", user: random.pick(ASK)(text), answer: text };
  }
  if (draw < 0.82) return drawField(random, places);
  return draw < 0.96 ? drawFrame(random, places) : drawSpelling(random);
}
