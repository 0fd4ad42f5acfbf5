/**
 * A `Review`: what a person said of one text. It names the text by its content, so that it holds in every run
 * that has the same text, whatever number the text has there.
 */
import { z } from "zod";
import type { WireMessage } from "../../core/chat.ts";
import { fingerprint } from "../../core/hash.ts";
import { Score } from "../../core/review-mark.ts";

export const VERDICTS = ["accept", "reject", "edit"] as const;

/** Characters; longer ones are no answer and no remark. */
export const MOST_TEXT = 20_000;
export const MOST_NOTE = 2000;

export const Review = z
  .object({
    /** `recordKey` or `rowKey` of what was shown. */
    of: z.string().regex(/^[0-9a-f]{64}$/),
    type: z.enum(["record", "row"]),
    /** Its id at that time: for people, nothing is found by it. */
    id: z.string().max(1000),
    /** Whose curation heeds it; left out, every recipe's. */
    recipe: z.string().max(100).optional(),
    verdict: z.enum(VERDICTS),
    /** 1 to 5. Beside an edit they are of the new text. */
    voice: Score.optional(),
    wit: Score.optional(),
    /** Of an edit: what the record, or the row's last answer, should say. */
    text: z.string().min(1).max(MOST_TEXT).optional(),
    note: z.string().max(MOST_NOTE).optional(),
    by: z.string().max(100).optional(),
    /** ISO time. */
    at: z.string().max(40),
  })
  .refine(
    ({ verdict, text }) => (verdict === "edit") === (text !== undefined),
    "an edit has a text, and nothing else has one",
  );
export type Review = z.infer<typeof Review>;

/** Content id of a record's text. */
export const recordKey = (text: string): string => fingerprint(["record", text]);

/** Content id of a row: of all that is said in it. */
export const rowKey = (messages: readonly WireMessage[]): string => fingerprint(["row", messages]);
