import fc from "fast-check";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources";
import { expect, test } from "vitest";
import {
  type Message,
  WireMessage,
  WireTool,
  fromWireMessage,
  fromWireTool,
} from "../../core/chat.ts";
import { openai, type OpenAiRow } from "./openai.ts";
import { anythingBeside, conversations, talk, twoCalls } from "./test-conversations.ts";
import { written } from "./test-write.ts";

/** Back into our messages; a result takes its name from its call. */
function read(row: OpenAiRow): { messages: Message[]; tools?: unknown } {
  const names = new Map<string, string>();
  const messages = row.messages.map((wire) => {
    const message = fromWireMessage(WireMessage.parse(wire));
    if (message.role === "assistant")
      for (const call of message.toolCalls ?? []) names.set(call.id, call.name);
    return message.role === "tool" ? { ...message, name: names.get(message.toolCallId)! } : message;
  });
  const tools = row.tools?.map((tool) => fromWireTool(WireTool.parse(tool)));
  return { messages, ...(tools && { tools }) };
}

test("a row is what OpenAI's documentation shows", () => {
  expect(written(openai, twoCalls)).toEqual({
    messages: [
      { role: "system", content: "[twain]" },
      { role: "user", content: "Hannibal or Atlantis?" },
      {
        role: "assistant",
        tool_calls: [
          {
            id: "call_1",
            type: "function",
            function: { name: "get_forecast", arguments: '{"location":"Hannibal","days":2}' },
          },
          {
            id: "call_2",
            type: "function",
            function: { name: "get_forecast", arguments: '{"location":"Atlantis","days":2}' },
          },
        ],
      },
      {
        role: "tool",
        tool_call_id: "call_1",
        content: '{"location":"Hannibal, Missouri","high":62}',
      },
      {
        role: "tool",
        tool_call_id: "call_2",
        content: '{"error":"location_not_found","message":"no such place"}',
      },
      { role: "assistant", content: "Hannibal: 62, and it exists." },
    ],
    tools: [{ type: "function", function: twoCalls.tools![0] }],
    parallel_tool_calls: true,
  });
});

test("without tools there is nothing but messages", () => {
  expect(Object.keys(written(openai, talk))).toEqual(["messages"]);
});

test("the client's own types take a row", () => {
  const row = written(openai, twoCalls);
  const messages: ChatCompletionMessageParam[] = row.messages;
  const tools: ChatCompletionTool[] = row.tools ?? [];
  expect([messages.length, tools.length]).toEqual([6, 1]);
});

test("the schema refuses what OpenAI refuses", () => {
  const row = written(openai, twoCalls);
  for (const bad of [
    { ...row, id: "row-1" },
    { ...row, tools: undefined },
    { ...row, messages: [...row.messages, { role: "assistant" }] },
    { ...row, messages: [{ role: "user", content: "a", name: "b" }, ...row.messages] },
  ])
    expect(openai.row.safeParse(bad).success).toBe(false);
});

test("there and back: the same messages and tools", () => {
  fc.assert(
    fc.property(conversations(anythingBeside), (conversation) => {
      const { messages, tools } = conversation;
      expect(read(written(openai, conversation))).toEqual({ messages, ...(tools && { tools }) });
    }),
  );
});
