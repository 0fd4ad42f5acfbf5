/** Which of the compared places is the warmer or the colder: said, and read back for checking. */

export interface Compared {
  city: string;
  high: number;
}

/** "Florence and Cooperstown". */
const joined = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/** One place, those that share the first rank, or none where all are alike. */
export function sayVerdict(asked: "warmer" | "colder", places: readonly Compared[]): string {
  const highs = places.map(({ high }) => high);
  const best = asked === "warmer" ? Math.max(...highs) : Math.min(...highs);
  const first = places.filter(({ high }) => high === best).map(({ city }) => city);
  const most = asked === "warmer" ? "warmest" : "coldest";
  if (first.length === places.length)
    return places.length > 2
      ? `None comes out ${asked}: all stand level.`
      : `Neither comes out ${asked}.`;
  if (first.length > 1) return `${joined(first)} come out the ${most} together.`;
  return `${first.join()} comes out ${places.length > 2 ? `the ${most}` : asked}.`;
}

const VERDICT = /^.+? comes? out (?:the )?(warm|cold)(?:er|est)\b/;

export const hasVerdict = (answer: string): boolean => VERDICT.test(answer);

/** Whether the verdict that an answer opens with, if it does, is the one that the highs give. */
export function verdictHolds(answer: string, places: readonly Compared[]): boolean {
  const [, kind] = VERDICT.exec(answer) ?? [];
  if (kind === undefined) return true;
  return answer.startsWith(sayVerdict(kind === "warm" ? "warmer" : "colder", places));
}
