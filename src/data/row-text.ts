/** A row as a text to be read. */
import type { Conversation } from "../core/conversation.ts";

/** One line a message: who speaks, what is said, and the calls as JSON. */
export function rowText(row: Conversation): string {
  return row.messages
    .map((message) => {
      const calls = "toolCalls" in message ? (message.toolCalls ?? []) : [];
      return `${message.role}: ${[message.content ?? "", ...calls.map((call) => JSON.stringify(call))].filter((part) => part !== "").join(" ")}`;
    })
    .join("\n");
}
