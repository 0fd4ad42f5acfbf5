/** Messages of a row, for the terminal. */
import { type WireMessage, fromWireMessage } from "../core/chat.ts";
import { callText } from "./conversation-text.ts";
import { type Page, paragraph } from "./page.ts";

/** What is said in a row, a speaker a paragraph. */
export function messageLines(messages: readonly WireMessage[], page: Page): string[] {
  const say = (role: string, text: string): string[] =>
    paragraph(text, page, 13).map((line, i) =>
      i === 0 ? `  ${role.padEnd(11)}${line.trimStart()}` : line,
    );
  return messages
    .map(fromWireMessage)
    .flatMap((message) => [
      ...(message.content === null ? [] : say(message.role, message.content)),
      ...("toolCalls" in message && message.toolCalls
        ? message.toolCalls.flatMap((call) =>
            say(message.role, `→ ${callText(call.name, call.arguments)}`),
          )
        : []),
    ]);
}
