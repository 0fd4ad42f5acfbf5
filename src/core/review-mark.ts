/** What a row or a document carries of a person's review; the whole of it is in the ledger. */
import { z } from "zod";

/** 1 is worst. */
export const Score = z.number().int().min(1).max(5);

export const ReviewMark = z.strictObject({
  verdict: z.enum(["accept", "edit"]),
  voice: Score.optional(),
  wit: Score.optional(),
  /** Content id of the text before it was edited. */
  was: z.string().optional(),
});
export type ReviewMark = z.infer<typeof ReviewMark>;
