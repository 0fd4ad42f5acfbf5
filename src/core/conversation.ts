/** A `Conversation`: one dataset row, with its lineage. On disk it is the OpenAI chat format. */
import { z } from "zod";
import {
  type Message,
  type ToolDefinition,
  WireMessage,
  WireTool,
  fromWireMessage,
  fromWireTool,
  toWireMessage,
  toWireTool,
} from "./chat.ts";
import { ReviewMark } from "./review-mark.ts";

export const Persona = z.enum(["twain", "franklin", "neutral"]);
export type Persona = z.infer<typeof Persona>;

/** What a row teaches; the recipe's mixture and the split are balanced over it. */
export const Domain = z.enum([
  "literary",
  "humour",
  "tool",
  "no-tool",
  "missing-location",
  "tool-error",
  /** A piece of writing about weather that a tool reported. */
  "hybrid",
  "drill",
  "echo",
  "text",
]);
export type Domain = z.infer<typeof Domain>;

/** What a tool episode teaches; a recipe mixes them in `curate.episodes.mix`. */
export const EpisodeCategory = z.enum([
  "single",
  "distractor",
  "parallel",
  "dependent",
  "comparison",
  "dated",
  "follow-up",
  "missing-location",
  "irrelevant",
  "no-tool",
  "failure",
  "hybrid",
]);
export type EpisodeCategory = z.infer<typeof EpisodeCategory>;

export const Tags = z.strictObject({
  persona: Persona,
  tone: z.string().optional(),
  domain: Domain,
  source: z.string(),
  device: z.string().optional(),
  synthetic: z.boolean(),
});
export type Tags = z.infer<typeof Tags>;

/** Of a row that a language model wrote, as a whole or in part. */
export const WrittenBy = z.strictObject({
  /** As the recipe names it, and as the endpoint does where that is another name. */
  model: z.string().min(1),
  served: z.string().optional(),
  /** Name and hash of the prompt's file: `hybrid@1f2e3d4c`. */
  prompt: z.string(),
  /** 0 for the first answer to the prompt. */
  sample: z.number().int().nonnegative(),
  /** Names the file of the answer in the cache. */
  request: z.string(),
  /** What the model's licence or the service's terms say of what it writes. */
  terms: z.string().min(1),
});
export type WrittenBy = z.infer<typeof WrittenBy>;

export const Meta = z.strictObject({
  /** Ids of the documents that the row was made from. */
  parents: z.array(z.string()),
  licence: z.string().min(1),
  url: z.string().optional(),
  generator: z.string().optional(),
  template: z.string().optional(),
  written: WrittenBy.optional(),
  /** Where the recipe mixes its episodes by category. */
  category: EpisodeCategory.optional(),
  /** Rows with one key stay on one side of the split: the work, the phrasing, the place. */
  split_key: z.string(),
  /** Of a person who looked at the row, or at the text that it was made from. */
  review: ReviewMark.optional(),
});
export type Meta = z.infer<typeof Meta>;

/** In memory. */
export interface Conversation {
  id: string;
  messages: Message[];
  tools?: ToolDefinition[];
  tags: Tags;
  meta: Meta;
}

/** On disk. */
export const ConversationRow = z.strictObject({
  id: z.string(),
  messages: z.array(WireMessage).min(1),
  tools: z.array(WireTool).nonempty().optional(),
  tags: Tags,
  meta: Meta,
});
export type ConversationRow = z.infer<typeof ConversationRow>;

export function fromRow(row: ConversationRow): Conversation {
  return {
    id: row.id,
    messages: row.messages.map(fromWireMessage),
    ...(row.tools && { tools: row.tools.map(fromWireTool) }),
    tags: row.tags,
    meta: row.meta,
  };
}

export function toRow(conversation: Conversation): ConversationRow {
  const [first, ...rest] = (conversation.tools ?? []).map(toWireTool);
  return {
    id: conversation.id,
    messages: conversation.messages.map(toWireMessage),
    ...(first && { tools: [first, ...rest] }),
    tags: conversation.tags,
    meta: conversation.meta,
  };
}

/** A conversation with no user turn is plain text (`domain: "text"`): all of it is trained. */
export const isPlainText = (conversation: Conversation): boolean =>
  conversation.tags.domain === "text";
