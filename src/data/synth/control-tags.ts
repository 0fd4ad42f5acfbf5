/** What is wanted, as a tag before a request: "[joke] Tell me one about rain." The voice has its own, `controlTag`. */
import type { Conversation } from "../../core/conversation.ts";
import type { Random } from "../../core/random.ts";

/** By the name of the template, the part before its number. */
const FORMS: Readonly<Record<string, string>> = {
  joke: "joke",
  "joke-placed": "joke",
  headline: "headline",
  "headline-free": "headline",
  aphorism: "aphorism",
  "aphorism-free": "aphorism",
  imitate: "passage",
  explain: "explain",
  rewrite: "rewrite",
  plain: "plain",
};

/** The row with a tag before what the user says, in `share` of the rows whose form has one. */
export function withFormTag(row: Conversation, share: number, random: Random): Conversation {
  const form = FORMS[row.meta.template?.split(":")[0] ?? ""];
  if (share === 0 || form === undefined || random.next() >= share) return row;
  return {
    ...row,
    messages: row.messages.map((message) =>
      message.role === "user" ? { ...message, content: `[${form}] ${message.content}` } : message,
    ),
  };
}
