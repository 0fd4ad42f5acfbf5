import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Message,
  WireMessage,
  WireTool,
  fromWireMessage,
  fromWireTool,
} from "../../core/chat.ts";
import { anythingBeside, conversations, talk, twoCalls } from "./test-conversations.ts";
import { written } from "./test-write.ts";
import { trl, type TrlRow } from "./trl.ts";

/** Back into our messages: like OpenAI's, but for the arguments. */
function read(row: TrlRow): { messages: Message[]; tools?: unknown } {
  const messages = row.messages.map((message) =>
    fromWireMessage(
      WireMessage.parse(
        message.role === "assistant" && message.tool_calls
          ? {
              ...message,
              tool_calls: message.tool_calls.map((call) => ({
                ...call,
                function: {
                  ...call.function,
                  arguments: JSON.stringify(call.function.arguments),
                },
              })),
            }
          : message,
      ),
    ),
  );
  const tools = row.tools?.map((tool) => fromWireTool(WireTool.parse(tool)));
  return { messages, ...(tools && { tools }) };
}

test("arguments are objects, and a result names its tool", () => {
  const row = written(trl, twoCalls);
  expect(row.messages[2]).toEqual({
    role: "assistant",
    tool_calls: ["Hannibal", "Atlantis"].map((location, i) => ({
      id: `call_${i + 1}`,
      type: "function",
      function: { name: "get_forecast", arguments: { location, days: 2 } },
    })),
  });
  expect(row.messages[3]).toEqual({
    role: "tool",
    name: "get_forecast",
    content: '{"location":"Hannibal, Missouri","high":62}',
    tool_call_id: "call_1",
  });
  expect(row.tools).toEqual([{ type: "function", function: twoCalls.tools![0] }]);
});

test("no tools, no column; nothing is null", () => {
  expect(written(trl, talk)).toEqual({ messages: talk.messages });
  expect(JSON.stringify(written(trl, twoCalls))).not.toContain("null");
});

test("there and back: the same messages and tools", () => {
  fc.assert(
    fc.property(conversations(anythingBeside), (conversation) => {
      const { messages, tools } = conversation;
      expect(read(written(trl, conversation))).toEqual({ messages, ...(tools && { tools }) });
    }),
  );
});
