import type { Recipe } from "../../core/recipe.ts";
import type { Reviewer } from "./apply-reviews.ts";
import type { StoredReviews } from "./review-store.ts";

/** What was said of reviews that could not be heeded, in a line each. */
export function reviewNotices(
  { name }: Recipe,
  { byKey, damaged }: StoredReviews,
  reviewer: Reviewer | undefined,
): string[] {
  const lost = [...byKey.values()].filter(
    (review) => review.recipe === name && !reviewer?.used.has(review.of),
  );
  return [
    ...(damaged.length > 0
      ? [
          `${damaged.length} lines of the reviews are no reviews and were passed over: ${damaged.slice(0, 5).join(", ")}`,
        ]
      : []),
    ...(lost.length > 0
      ? [
          `${lost.length} reviews of this recipe are of texts that it no longer makes: ${lost
            .slice(0, 3)
            .map(({ id }) => id)
            .join(", ")}`,
        ]
      : []),
  ];
}
