/** The life of a record, for the terminal. */
import type { Fate } from "../data/record-head.ts";
import type { RecordStory, RowLine } from "../data/record-story.ts";
import { reviewLines } from "./review-text.ts";
import { type Page, facts, heading, paragraph, some } from "./page.ts";
import { fit, number } from "./terminal.ts";
import { writtenFacts } from "./written-facts.ts";

/** `train 12, valid 1`, the most frequent first. */
function counted(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(", ");
}

const fateText = ({ outcome, reason }: Fate): string =>
  outcome === "dropped" ? `dropped (${reason})` : outcome;

const fates = (items: readonly Fate[]): string[] =>
  some(items, (item) => [`  ${item.id}  ${fateText(item)}`]);

function verdictLines(story: RecordStory, { paint }: Page): string[] {
  const column = Math.max(...story.verdicts.map(({ step }) => step.length), 0) + 2;
  return story.verdicts.map(({ step, verdict, reason, numbers, match }) => {
    const said = [
      ...(reason === undefined ? [] : [reason]),
      ...(match ? [`${match.item}: “${match.words}”`] : []),
      ...Object.entries(numbers ?? {}).map(([name, value]) => `${name} ${value}`),
    ].join(" · ");
    const word = verdict === "drop" ? paint("red", "dropped") : paint("green", "kept".padEnd(7));
    return `  ${step.padEnd(column)}${word}${said === "" ? "" : `  ${said}`}`.trimEnd();
  });
}

function rowLines({ id, split, domain, template, asks, says }: RowLine, page: Page): string[] {
  const from = template === undefined ? domain : `${domain}, template ${template}`;
  const words = [asks, says].filter((text) => text !== undefined).map((text) => `“${text}”`);
  return [
    `  ${split.padEnd(10)} ${id}  (${from})`,
    ...words.map((text) => `    ${page.paint("dim", fit(text, page.width - 6))}`),
  ];
}

/** A record's life, line by line. */
export function recordText(story: RecordStory, page: Page): string[] {
  const { text, chunks, duplicateOf, copies, rows } = story;
  const [cutFrom] = story.cutFrom;
  const origin = facts([
    ["source", story.source],
    ["licence", story.licence],
    ["url", story.url],
    ["title", story.title],
    ["author", story.author],
    ["year", story.year?.toString()],
    ["collected", story.fetchedAt],
    ["sha256", story.sha256],
    ...writtenFacts(story.written),
    ["cut from", cutFrom],
  ]);
  const dropped = chunks.flatMap((chunk) => chunk.reason ?? []);
  const state = story.outcome === "kept" ? "as it was kept" : "as it was when it was dropped";
  return [
    page.paint("bold", `${story.id}: ${story.kind}, ${fateText(story)}`),
    ...origin,
    ...(text !== undefined
      ? [...heading(`Text, ${state}`, page), ...paragraph(text, page)]
      : story.outcome === "cut"
        ? []
        : heading(
            // A row over its share is one of thousands, and nothing is wrong with it.
            story.kind === "row"
              ? "Its text is not kept"
              : "Its text is not in this ledger; delete curate/manifest.json and curate again to have it",
            page,
          )),
    ...heading("What curation said", page),
    ...verdictLines(story, page),
    ...(story.review ? reviewLines(story.review, page) : []),
    ...(duplicateOf.length > 0 ? [...heading("Duplicate of", page), ...fates(duplicateOf)] : []),
    ...(copies.length > 0
      ? [...heading(`Kept instead of ${number(copies.length)}`, page), ...fates(copies)]
      : []),
    ...(story.outcome === "cut"
      ? [
          ...heading(
            `Cut into ${number(chunks.length)}, of which ${number(dropped.length)} dropped${dropped.length > 0 ? ` (${counted(dropped)})` : ""}`,
            page,
          ),
          ...fates(chunks),
        ]
      : []),
    ...(rows === undefined
      ? heading("No rows yet: the curate stage of this run is not finished", page)
      : rows.length === 0
        ? heading("No dataset row was made from it", page)
        : [
            ...heading(`Dataset rows: ${counted(rows.map(({ split }) => split))}`, page),
            ...some(rows, (row) => rowLines(row, page)),
          ]),
  ];
}
