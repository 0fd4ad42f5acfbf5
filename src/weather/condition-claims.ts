/** Weather words of a sentence, each judged against the conditions that a tool reported. */
import { CONDITION_PHRASES } from "./conditions.ts";
import type { Facts } from "./grounded.ts";

/** How people name a kind of weather, and the kind. Order matters where one word holds another. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^thunder(?:storms?|y)?$|^storm(?:s|y|ing)?$|^lightning$/, "storm"],
  [/^rain(?:s|y|ing|fall|ed)?$/, "rain"],
  [/^showers?$|^showery$/, "shower"],
  [/^drizzl(?:e|es|y|ing)$/, "drizzle"],
  [/^snow(?:s|y|ing|fall|ed)?$|^flurries$|^blizzards?$/, "snow"],
  [/^fog(?:gy|s)?$|^mist(?:y|s)?$/, "fog"],
  [/^hail(?:ing|stones)?$/, "hail"],
  [/^sleet$/, "sleet"],
  [/^clouds?$|^cloudy$|^overcast$/, "cloud"],
  [/^sunny$|^sunshine$|^cloudless$/, "clear"],
];
const kindOf = (word: string): string | undefined =>
  WORDS.find(([pattern]) => pattern.test(word))?.[1];

/** The kinds that a tool's phrase establishes; overcast is cloud, a thunderstorm is no licence for rain. */
function kindsOf(conditions: string): Set<string> {
  const words = conditions.toLowerCase().split(/[^a-z]+/);
  const kinds = words.flatMap((word) => kindOf(word) ?? (word === "clear" ? "clear" : []));
  return new Set(kinds);
}

const MODIFIERS =
  /\b(light|heavy|steady|moderate|slight|violent|scattered|mostly|partly|freezing|dense|thick|severe|strong)$/;
const DENIAL =
  /\b(?:no|not|nor|never|without|neither|hardly|isn't|won't|n't|free of|instead of)\b[^,;:]{0,24}$/;
/** A figure of chance beside the word: it speaks of `precipitation_chance`, not of the sky. */
const CHANCE_BEFORE = /\b(?:chances?|odds|probability|likelihood|risk) (?:of|for) (?:any |some )?$/;
const CHANCE_AFTER = /^,? ?(?:at )?(?:an? )?(?:chance|-?\d)/;
/** "if it rains", "whether it will snow": named, not claimed. */
const HYPOTHETICAL = /\b(?:if|whether|should) (?:it|there|you|the)\b[^,;:.]{0,24}$/;

export interface ConditionClaim {
  text: string;
  supported: boolean;
  /** "no rain": true when the results have none. */
  denied: boolean;
}

const byLength = CONDITION_PHRASES.toSorted((a, b) => b.length - a.length);
const CANONICAL = new RegExp(`\\b(?:${byLength.join("|")})\\b`, "g");
const CLEAR = /\b(?:clear(?:ing)? (?:skies|sky|weather)|(?:skies|sky) (?:is|are|will be) clear)\b/g;
const UNKNOWN = /\bunknown \(code \d+\)/g;

/** Claims of one sentence about `facts`, the records it speaks of. */
export function conditionClaims(sentence: string, facts: readonly Facts[]): ConditionClaim[] {
  const reported = facts.flatMap((fact) =>
    fact.conditions ? [fact.conditions.toLowerCase()] : [],
  );
  const kinds = reported.map(kindsOf);
  const someHas = (kind: string): boolean => kinds.some((set) => set.has(kind));
  const claims: ConditionClaim[] = [];
  let rest = sentence.toLowerCase();

  const judge = (at: number, text: string, stated: boolean, clashes: boolean): void => {
    const denied = DENIAL.test(rest.slice(0, at));
    claims.push({ text, denied, supported: denied ? !clashes : stated });
  };
  const blank = (pattern: RegExp, stated: (text: string) => boolean): void => {
    rest = rest.replace(pattern, (text, at: number) => {
      judge(at, text, stated(text), [...kindsOf(text)].some(someHas));
      return " ".repeat(text.length);
    });
  };
  blank(UNKNOWN, (text) => reported.includes(text));
  // A phrase that a tool could have used must be the phrase it did use: "light rain" is not "heavy rain".
  blank(CANONICAL, (text) => reported.includes(text));
  blank(CLEAR, () => someHas("clear"));

  const taken = rest;
  for (const match of taken.matchAll(/[a-z]+/g)) {
    const kind = kindOf(match[0]);
    if (kind === undefined) continue;
    const before = taken.slice(0, match.index);
    const after = taken.slice(match.index + match[0].length);
    const hasChance = facts.some((fact) => fact.chance !== undefined);
    if (hasChance && (CHANCE_BEFORE.test(before) || CHANCE_AFTER.test(after))) continue;
    if (HYPOTHETICAL.test(before)) continue;
    const modifier = MODIFIERS.exec(before.trimEnd())?.[1];
    const stated = reported.some(
      (phrase, i) => kinds[i]!.has(kind) && (modifier === undefined || phrase.includes(modifier)),
    );
    judge(match.index, modifier ? `${modifier} ${match[0]}` : match[0], stated, someHas(kind));
  }
  return claims;
}
