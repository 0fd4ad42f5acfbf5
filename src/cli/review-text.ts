/** Reviews, and what is to be reviewed, for the terminal. */
import type { ReviewNote } from "../data/pipeline.ts";
import type { ReviewItem } from "../data/review/review-item.ts";
import { type Page, heading, paragraph } from "./page.ts";
import { messageLines } from "./message-lines.ts";

const DONE = { accept: "accepted", reject: "rejected", edit: "edited" } as const;

/** `rejected, voice 2, wit 1` */
export const verdictText = ({
  verdict,
  voice,
  wit,
}: Pick<ReviewNote, "verdict" | "voice" | "wit">): string =>
  [
    DONE[verdict],
    ...(voice === undefined ? [] : [`voice ${voice}`]),
    ...(wit === undefined ? [] : [`wit ${wit}`]),
  ].join(", ");

/** A part of what `why` tells. */
export function reviewLines(review: ReviewNote, page: Page): string[] {
  const { by, at, note, before } = review;
  return [
    ...heading("What a person said", page),
    `  ${verdictText(review)}, ${by === undefined ? "" : `by ${by} `}on ${at.slice(0, 10)}`,
    ...(note === undefined ? [] : paragraph(note, page)),
    ...(before === undefined
      ? []
      : [...heading("Before it was edited", page), ...paragraph(before, page)]),
  ];
}

/** One item under a line that says what it is. */
export function itemLines(item: ReviewItem, page: Page): string[] {
  if (item.type === "row") {
    const { id, split, tags, template } = item;
    const what = [tags.domain, tags.persona, template, split].filter((part) => part !== undefined);
    return [
      `${page.paint("bold", id)}  ${page.paint("dim", what.join(" · "))}`,
      ...messageLines(item.messages, page),
    ];
  }
  const { id, kind, source, author, title, text } = item;
  const what = [kind, source, author, title].filter((part) => part !== undefined);
  return [
    `${page.paint("bold", id)}  ${page.paint("dim", what.join(" · "))}`,
    ...paragraph(text, page),
  ];
}
