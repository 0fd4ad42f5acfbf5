/** When two prompts are one, and what is asked last. */
import type { Message } from "../../core/chat.ts";
import { fingerprint } from "../../core/hash.ts";

/** Ids of calls are numbers that a conversation counts for itself, and say nothing. */
const plain = (message: Message): unknown =>
  message.role === "assistant" && message.toolCalls
    ? [
        message.role,
        message.content,
        message.toolCalls.map(({ name, arguments: given }) => [name, given]),
      ]
    : [message.role, message.content];

export const promptKey = (prompt: readonly Message[]): string => fingerprint(prompt.map(plain));

export const lastQuestion = (messages: readonly Message[]): string =>
  messages.findLast(({ role }) => role === "user")?.content ?? "";
