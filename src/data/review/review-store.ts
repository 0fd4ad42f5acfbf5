/**
 * The file of reviews: a line a review, only ever added to, so that two writers lose nothing of each other. Of one
 * text the last line counts.
 */
import { createReadStream } from "node:fs";
import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { writeFailure } from "../../core/atomic-file.ts";
import { TwainError } from "../../core/errors.ts";
import { Review } from "./review.ts";

export interface StoredReviews {
  /** What counts, by content id. */
  byKey: ReadonlyMap<string, Review>;
  /** Numbers of the lines that are no reviews, such as one that a kill cut short. */
  damaged: number[];
}

function parse(line: string): Review | undefined {
  try {
    return Review.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Those that hold for a recipe of this name, or all; none where there is no file. */
export async function readReviews(path: string, recipe?: string): Promise<StoredReviews> {
  const byKey = new Map<string, Review>();
  const damaged: number[] = [];
  if (!(await stat(path).catch(() => undefined))) return { byKey, damaged };
  let number = 0;
  for await (const line of createInterface({
    input: createReadStream(path, "utf8"),
    crlfDelay: Infinity,
  })) {
    number++;
    if (line.trim() === "") continue;
    const review = parse(line);
    if (!review) damaged.push(number);
    else if (recipe === undefined || (review.recipe ?? recipe) === recipe)
      byKey.set(review.of, review);
  }
  return { byKey, damaged };
}

const NEWLINE = 10;

/** Adds a review, on the disk when this returns. Throws `data/bad-review` for one that breaks its own schema. */
export async function putReview(path: string, review: Review): Promise<void> {
  const checked = Review.safeParse(review);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new TwainError(
      "data/bad-review",
      `${issue?.path.join(".") || "the review"}: ${issue?.message}`,
      { hint: "docs/review.md says what a review holds." },
    );
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    // Every write to a file opened so goes to its end, wherever another writer has brought that.
    const file = await open(path, "a+");
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      // What a killed writer left is closed off, or this line would be lost with it.
      const torn = size > 0 && last[0] !== NEWLINE;
      await file.appendFile(`${torn ? "\n" : ""}${JSON.stringify(checked.data)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw writeFailure(path, error);
  }
}
