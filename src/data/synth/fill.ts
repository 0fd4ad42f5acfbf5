/** Templates with `{slots}` to finished English. */

/** Fills every slot; throws a plain Error for a slot without a value, which is a fault of the corpus. */
export function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  const text = template.replace(/\{(\w+)\}/g, (slot, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`no value for ${slot} in "${template}"`);
    return String(value);
  });
  return mend(text);
}

/** The slots of a template, without braces. */
export const slotsOf = (template: string): string[] =>
  [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What filling breaks: "a 8 percent", "1 degrees", two spaces, a doubled stop. */
function mend(text: string): string {
  return text
    .replace(/ {2,}/g, " ")
    .replace(/ +([,.;?!])/g, "$1")
    .replace(/\b([Aa]) (?=(?:8|11|18|8\d)(?!\d))/g, "$1n ")
    .replace(/(?<![\d.])(-?1) degrees\b/g, "$1 degree")
    .replace(/\.\.(?!\.)/g, ".")
    .replace(/,([.?!])/g, "$1");
}

/** For answers: every sentence that a lower-case slot opens gets its capital. */
export const capitalised = (text: string): string =>
  capital(text).replace(
    /([.!?] )(\p{Ll})/gu,
    (_, stop: string, letter: string) => `${stop}${letter.toUpperCase()}`,
  );

const NUMBER_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven"];

/** 3 → "three"; only what `get_forecast` accepts. */
export const numberWord = (value: number): string => NUMBER_WORDS[value] ?? String(value);
