/** Numbers of a sentence, in digits or words, each judged against the numbers a tool reported. */
import type { Facts } from "./grounded.ts";

export interface NumberClaim {
  text: string;
  kind: "temperature" | "percent" | "wind" | "count" | "other";
  supported: boolean;
}

const SMALL =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const WORD = `(?:(?:${TENS.join("|")})(?:[- ](?:${SMALL.slice(1, 10).join("|")}))?|${SMALL.toReversed().join("|")}|(?:a|one) hundred(?: and (?:${SMALL.slice(1).join("|")}|${TENS.join("|")}))?)`;
// A hyphen between digits is a range, not a minus.
const NUMBER = new RegExp(
  `(?<![\\p{L}\\d.])(?:minus |(?<![\\d-] ?)[-−])?(?:\\d+(?:\\.\\d+)?|\\b${WORD}\\b)(?!\\p{L})`,
  "giu",
);

/** "sixty-two" → 62, "minus five" → -5, "-5" → -5. */
export function readNumber(text: string): number {
  const words = text.toLowerCase().replace("−", "-").trim();
  if (words.startsWith("minus ")) return -readNumber(words.slice(6));
  if (/\d/.test(words)) return Number(words);
  let sum = 0;
  for (const word of words.split(/[- ]/)) {
    if (word === "hundred") sum = Math.max(sum, 1) * 100;
    else if (TENS.includes(word)) sum += 20 + 10 * TENS.indexOf(word);
    else if (SMALL.includes(word)) sum += SMALL.indexOf(word);
  }
  return sum;
}

/** Every number of a text, in its order. */
export const numbersIn = (text: string): number[] =>
  [...text.matchAll(NUMBER)].map(([number]) => readNumber(number));

const UNIT_NAME = /^\s*(?:°|degrees?)?\s*(?:(f|fahrenheit)|(c|celsius|centigrade))\b/i;
const ANY_UNIT = /\b(fahrenheit)\b|\b(celsius|centigrade)\b/gi;
const DEGREES = /^\s*(?:°|-?degrees?\b)/i;
const PERCENT = /^\s*(?:%|-?per ?cent\b)/i;
const SPEED = /^\s*(?:mph|km\/h|kph|(?:miles?|kilomet(?:er|re)s?) (?:an|per) hour)/i;
const COUNT = /^[\s-]*(?:days?|nights?|mornings?)\b/i;

type Role = "high" | "low" | "chance" | "humidity" | "wind" | undefined;

/** What the words beside a number say that it is. */
function roleOf(before: string, after: string): Role {
  const lead =
    /\b(high|low)s?(?: temperatures?)?(?: (?:of|near|at|is|was|being|about|around|will be|to be))?:?\s*$/i.exec(
      before,
    );
  const trail =
    /^\s*(?:degrees )?(?:(?:for|at|by way of|as|in) (?:the|a|its) )?(high|low)\b(?! and )/i.exec(
      after,
    );
  // "high 62, low 48" leads; "62 high, 48 low" trails.
  const named = (lead ?? trail)?.[1]?.toLowerCase();
  if (named === "high" || named === "low") return named;
  if (/\bhumidity[^.;,\d]{0,12}$/i.test(before) || /^[\s%]*(?:per ?cent )?humidity/i.test(after)) {
    return "humidity";
  }
  if (/\b(?:chance|odds|probability)s?\b[^.;,\d]{0,30}$/i.test(before)) return "chance";
  if (/^\s*(?:%|-?per ?cent)? (?:chance|probability)/i.test(after)) return "chance";
  return /\bwinds?\b[^.;,\d]{0,12}$/i.test(before) ? "wind" : undefined;
}

const defined = (values: readonly (number | undefined)[]): number[] =>
  values.filter((value) => value !== undefined);

/** Equal once both are whole numbers, as a speaker rounds. */
const near = (value: number, fact: number): boolean =>
  value === fact || (Number.isInteger(value) && Math.abs(value - fact) <= 0.5);

/** A fact in the unit that the sentence names, or as it was reported. */
function inUnit(value: number, reported: string | undefined, said: string | undefined): number {
  if (said === undefined || reported === undefined || said === reported) return value;
  return said === "celsius" ? ((value - 32) * 5) / 9 : (value * 9) / 5 + 32;
}

function temperatureFits(
  value: number,
  role: Role,
  said: string | undefined,
  facts: readonly Facts[],
): boolean {
  return facts.some((fact) => {
    const candidates =
      role === "high"
        ? [fact.high]
        : role === "low"
          ? [fact.low]
          : [fact.high, fact.low, fact.temperature, fact.feelsLike];
    return defined(candidates).some((known) => near(value, inUnit(known, fact.units, said)));
  });
}

const percentFits = (value: number, role: Role, facts: readonly Facts[]): boolean =>
  facts.some((fact) =>
    defined([
      role === "humidity" ? undefined : fact.chance,
      role === "chance" ? undefined : fact.humidity,
    ]).includes(value),
  );

const speedFits = (value: number, facts: readonly Facts[]): boolean =>
  facts.some((fact) => fact.wind === value);

/** Numbers of the question: its "next 3 days", and the others that it states in digits. */
function askedNumbers(question: string): { counts: number[]; others: number[] } {
  const counts: number[] = [];
  const others: number[] = [];
  const undated = question.replace(/\d{4}-\d{2}-\d{2}/g, "");
  for (const match of undated.matchAll(NUMBER)) {
    const value = readNumber(match[0]);
    if (COUNT.test(undated.slice(match.index + match[0].length))) counts.push(value);
    else if (/\d/.test(match[0])) others.push(value);
  }
  return { counts, others };
}

/** Claims of one sentence about `facts`; `days` are the lengths of the forecasts that were given. */
export function numberClaims(
  sentence: string,
  facts: readonly Facts[],
  known: { question: string; days: readonly number[] },
): NumberClaim[] {
  const asked = askedNumbers(known.question);
  const units = [...sentence.matchAll(ANY_UNIT)].map((match) =>
    match[1] ? "fahrenheit" : "celsius",
  );
  // "a high of 62 and a low of 48 Fahrenheit": the one unit named covers every temperature.
  const shared = new Set(units).size === 1 ? units[0] : undefined;
  const claims: NumberClaim[] = [];

  for (const match of sentence.matchAll(NUMBER)) {
    const text = match[0];
    const before = sentence.slice(0, match.index);
    const after = sentence.slice(match.index + text.length);
    const role = roleOf(before, after);
    const unit = UNIT_NAME.exec(after);
    const said = unit ? (unit[1] ? "fahrenheit" : "celsius") : shared;
    const below = /^\s*(?:degrees )?below zero/i.test(after);
    const value = below ? -Math.abs(readNumber(text)) : readNumber(text);
    const measured = unit !== null || DEGREES.test(after) || below;
    // "One never knows" is talk; a number word is a claim only where something is measured.
    const spelled = !/\d/.test(text);
    const claim = (kind: NumberClaim["kind"], supported: boolean): void => {
      claims.push({ text: text.trim(), kind, supported });
    };

    if (PERCENT.test(after)) claim("percent", percentFits(value, role, facts));
    else if (SPEED.test(after)) claim("wind", speedFits(value, facts));
    else if (measured || role === "high" || role === "low") {
      claim("temperature", temperatureFits(value, role, said, facts));
    } else if (COUNT.test(after)) {
      if (facts.length === 0 && spelled) continue;
      claim("count", known.days.includes(value) || asked.counts.includes(value));
    } else if (spelled) continue;
    else if (role === "chance" || role === "humidity") {
      claim("percent", percentFits(value, role, facts));
    } else if (role === "wind") claim("wind", speedFits(value, facts));
    else {
      const fits = temperatureFits(value, role, said, facts);
      claim(fits ? "temperature" : "other", fits || asked.others.includes(value));
    }
  }
  return claims;
}
