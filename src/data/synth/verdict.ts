/** Which of the compared places is the warmer or the colder: said, and read back for checking. */

export interface Compared {
  city: string;
  high: number;
}

/** Whose high is the extreme one; undefined where two share it. */
function extreme(asked: "warmer" | "colder", places: readonly Compared[]): string | undefined {
  const sign = asked === "warmer" ? 1 : -1;
  const [first, second] = places.toSorted((a, b) => sign * (b.high - a.high));
  return first && first.high !== second?.high ? first.city : undefined;
}

export function sayVerdict(asked: "warmer" | "colder", places: readonly Compared[]): string {
  const city = extreme(asked, places);
  return city === undefined
    ? `${places.length > 2 ? "None" : "Neither"} comes out ${asked}.`
    : `${city} comes out ${places.length > 2 ? `the ${asked === "warmer" ? "warmest" : "coldest"}` : asked}.`;
}

const VERDICT = /^(.+?) comes out (?:the )?(warm|cold)(?:er|est)\./;

/** Whether the verdict that an answer opens with, if it does, is the one that the highs give. */
export function verdictHolds(answer: string, places: readonly Compared[]): boolean {
  const [, city, kind] = VERDICT.exec(answer) ?? [];
  if (city === undefined) return true;
  const right = extreme(kind === "warm" ? "warmer" : "colder", places);
  return right === undefined ? city === "Neither" || city === "None" : city === right;
}
