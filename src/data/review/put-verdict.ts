/** What a person says of an item becomes a line of the store. */
import { fromWireMessage } from "../../core/chat.ts";
import { TwainError } from "../../core/errors.ts";
import type { RunDir } from "../../core/run-dir.ts";
import { badEdit, lastAnswer, withAnswer } from "./edit.ts";
import type { Review } from "./review.ts";
import type { RejectedItem, ReviewItem } from "./review-item.ts";
import { putReview, readReviews } from "./review-store.ts";

/** What is left out stays as it was said before. */
export type Verdict = Partial<
  Pick<Review, "verdict" | "voice" | "wit" | "text" | "note" | "by" | "recipe">
>;

const bad = (message: string, hint: string): TwainError =>
  new TwainError("data/bad-review", message, { hint });

const SAME = "To leave a text as it is, accept it.";

/** Throws `data/bad-review` for a text that the item cannot have. */
function checkText(item: ReviewItem | RejectedItem, text: string): void {
  if (text.trim() === "")
    throw bad(`the new text of ${item.id} is empty`, "To be rid of it, reject it.");
  switch (item.type) {
    case "rejected":
      throw bad(
        `${item.id} was rejected, and what is not in the dataset cannot be edited`,
        "Accept it, curate again, then edit it.",
      );
    case "record":
      if (item.text === text) throw bad(`${item.id} says that already`, SAME);
      return;
    case "row": {
      const row = { messages: item.messages.map(fromWireMessage) };
      if (lastAnswer(row) === text) throw bad(`${item.id} says that already`, SAME);
      const problem =
        lastAnswer(row) === undefined ? "it ends with no answer" : badEdit(withAnswer(row, text));
      if (problem !== undefined)
        throw bad(
          `${item.id} cannot say that: ${problem}`,
          "An answer may state only weather that its tools reported.",
        );
    }
  }
}

/**
 * Stores a verdict on an item and returns the whole review. A text makes it an edit; scores alone accept. Throws
 * `data/bad-review`.
 */
export async function putVerdict(
  dir: RunDir,
  item: ReviewItem | RejectedItem,
  given: Verdict,
): Promise<Review> {
  const { byKey } = await readReviews(dir.reviews, given.recipe);
  const before = byKey.get(item.of);
  const verdict =
    given.verdict ?? (given.text === undefined ? (before?.verdict ?? "accept") : "edit");
  const { text: oldText, ...kept } = before ?? {};
  const text = given.text ?? (verdict === "edit" ? oldText : undefined);
  if (verdict === "edit" && text === undefined)
    throw bad(`an edit of ${item.id} needs its new text`, 'Say it: --text "…".');
  if (verdict !== "edit" && text !== undefined)
    throw bad(
      `${verdict} and a new text contradict each other`,
      "Leave the verdict out, or the text.",
    );
  if (given.text !== undefined) checkText(item, given.text);
  const known = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  const review: Review = {
    ...kept,
    ...known,
    of: item.of,
    type: item.type === "rejected" ? item.was : item.type,
    id: item.id,
    verdict,
    ...(text !== undefined && { text }),
    at: new Date().toISOString(),
  };
  await putReview(dir.reviews, review);
  return review;
}
