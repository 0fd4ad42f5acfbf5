/** A `Document`: one text as it was collected, with where it came from and under what licence. */
import { z } from "zod";
import { Persona } from "./conversation.ts";
import { ReviewMark } from "./review-mark.ts";

/** What a text is; curation rules are scoped by it (a headline may be five words long, a book may not). */
export const DocumentKind = z.enum([
  "book",
  "passage",
  "aphorism",
  "headline",
  "joke",
  "weather-answer",
  /** Only a model writes these: what people type is made from templates. */
  "question",
]);
export type DocumentKind = z.infer<typeof DocumentKind>;

export const Document = z.strictObject({
  /** Stable: `<source>:<key>`, for instance `gutenberg:76` or `reddit:TheOnion:a75a2d`. */
  id: z.string().min(1),
  kind: DocumentKind,
  text: z.string(),
  /** The source that collected it: `gutenberg`, `reddit-csv`, `bundled`. */
  source: z.string(),
  url: z.string().optional(),
  licence: z.string().min(1),
  author: z.string().optional(),
  title: z.string().optional(),
  year: z.number().int().optional(),
  /** Of the raw bytes as they were collected. */
  sha256: z.string(),
  /** ISO time; absent for files that ship with the package. */
  fetchedAt: z.string().optional(),
  /** Written by a program or a model rather than by a person for print. */
  synthetic: z.boolean().default(false),
  /** What the source knows and later steps use: score, subreddit, topic, weather condition, question … */
  extra: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).default({}),
  /** Of a person who looked at the text; curation puts it there. */
  review: ReviewMark.optional(),
});
export type Document = z.infer<typeof Document>;

/** A text field that the source may have left in `extra`; an empty one counts as absent. */
export const extraText = (document: Document, key: string): string | undefined => {
  const value = document.extra[key];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** Whose voice it is: what the source says, else what the author's name says. */
export function personaOf(document: Document): Persona {
  const said = Persona.safeParse(document.extra.persona);
  if (said.success) return said.data;
  if (/twain|clemens/i.test(document.author ?? "")) return "twain";
  return /franklin/i.test(document.author ?? "") ? "franklin" : "neutral";
}

/** What stays on one side of the split: the work that a passage was cut from, else the text itself. */
export const splitKeyOf = (document: Document): string =>
  extraText(document, "work") ?? document.id;
