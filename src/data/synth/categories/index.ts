/** The categories that a recipe can mix, each a file here. */
import type { EpisodeCategory } from "../../../core/conversation.ts";
import type { Template } from "../ask.ts";
import { templatesOf } from "../question-templates.ts";
import type { Category } from "./category.ts";
import { comparison } from "./comparison.ts";
import { dated } from "./dated.ts";
import { dependent } from "./dependent.ts";
import { distractor } from "./distractor.ts";
import { failure } from "./failure.ts";
import { followUp } from "./follow-up.ts";
import { hybrid } from "./hybrid.ts";
import { irrelevant } from "./irrelevant.ts";
import { missingLocation } from "./missing-location.ts";
import { noTool } from "./no-tool.ts";
import { parallel } from "./parallel.ts";
import { single } from "./single.ts";

export const CATEGORIES: Readonly<Record<EpisodeCategory, Category>> = {
  single,
  distractor,
  parallel,
  dependent,
  comparison,
  dated,
  "follow-up": followUp,
  "missing-location": missingLocation,
  irrelevant,
  "no-tool": noTool,
  failure,
  hybrid,
};

/** A category's own phrasings, with the ids of their split keys. */
export const categoryTemplates = (category: Category, side: "train" | "heldout"): Template[] =>
  templatesOf(
    side === "train" ? `category-${category.name}` : `category-${category.name}:heldout`,
    category[side],
  );
