import fc from "fast-check";
import type { ChatCompletionMessageParam } from "openai/resources";
import { expect, test } from "vitest";
import { openaiFunctions } from "./openai-functions.ts";
import { anythingBeside, conversations, talk, twoCalls } from "./test-conversations.ts";
import { written } from "./test-write.ts";

test("calls made at once follow one another, each with its result", () => {
  const row = written(openaiFunctions, twoCalls);
  expect(row.messages.slice(2)).toEqual([
    {
      role: "assistant",
      function_call: { name: "get_forecast", arguments: '{"location":"Hannibal","days":2}' },
    },
    {
      role: "function",
      name: "get_forecast",
      content: '{"location":"Hannibal, Missouri","high":62}',
    },
    {
      role: "assistant",
      function_call: { name: "get_forecast", arguments: '{"location":"Atlantis","days":2}' },
    },
    {
      role: "function",
      name: "get_forecast",
      content: '{"error":"location_not_found","message":"no such place"}',
    },
    { role: "assistant", content: "Hannibal: 62, and it exists." },
  ]);
  expect(row.functions).toEqual(twoCalls.tools);
});

test("without functions there is nothing but messages", () => {
  expect(Object.keys(written(openaiFunctions, talk))).toEqual(["messages"]);
});

test("every call is followed by its result, with the arguments and texts of the conversation", () => {
  fc.assert(
    fc.property(conversations(anythingBeside), (conversation) => {
      const { messages } = written(openaiFunctions, conversation);
      const calls = conversation.messages.flatMap((message) =>
        message.role === "assistant" ? (message.toolCalls ?? []) : [],
      );
      const results = conversation.messages.filter((message) => message.role === "tool");
      const pairs = messages.flatMap((message, i) => {
        if (message.role !== "assistant" || !message.function_call) return [];
        const { name, arguments: text } = message.function_call;
        return [[name, JSON.parse(text), messages[i + 1]]];
      });
      expect(pairs).toEqual(
        calls.map((call, i) => [
          call.name,
          call.arguments,
          { role: "function", name: call.name, content: results[i]!.content },
        ]),
      );
      const said = (list: readonly { role: string; content?: string | null }[]) =>
        list
          .filter(({ role, content }) => role !== "tool" && role !== "function" && content != null)
          .map(({ role, content }) => [role, content]);
      expect(said(messages)).toEqual(said(conversation.messages));
    }),
  );
});

test("the client's own types take a row", () => {
  const messages: ChatCompletionMessageParam[] = written(openaiFunctions, twoCalls).messages;
  expect(messages).toHaveLength(7);
});
