import fc from "fast-check";
import { expect, test } from "vitest";
import type { Message, ToolCall, ToolDefinition } from "../../core/chat.ts";
import type { JsonObject } from "../../core/json.ts";
import { sharegpt, type ShareGptRow } from "./sharegpt.ts";
import {
  callAfterCall,
  conversation,
  conversations,
  talk,
  twoCalls,
} from "./test-conversations.ts";
import { reason, written } from "./test-write.ts";

/** As a reader of LLaMA-Factory's definition would: calls are numbered as they come. */
function read(row: ShareGptRow): { messages: Message[]; tools?: ToolDefinition[] } {
  const messages: Message[] = [];
  let made = 0;
  let open: ToolCall[] = [];
  for (const { from, value } of row.conversations) {
    switch (from) {
      case "system":
        messages.push({ role: "system", content: value });
        break;
      case "human":
        messages.push({ role: "user", content: value });
        break;
      case "gpt":
        messages.push({ role: "assistant", content: value });
        break;
      case "function_call": {
        type Call = { name: string; arguments: JsonObject };
        const parsed = JSON.parse(value) as Call | Call[];
        open = (Array.isArray(parsed) ? parsed : [parsed]).map((call) => ({
          id: `call_${++made}`,
          ...call,
        }));
        messages.push({ role: "assistant", content: null, toolCalls: open });
        break;
      }
      case "observation": {
        const results = open.length === 1 ? [value] : (JSON.parse(value) as (string | object)[]);
        for (const [i, result] of results.entries())
          messages.push({
            role: "tool",
            content: typeof result === "string" ? result : JSON.stringify(result),
            toolCallId: open[i]!.id,
            name: open[i]!.name,
          });
      }
    }
  }
  const tools = row.tools === null ? undefined : (JSON.parse(row.tools) as ToolDefinition[]);
  return { messages, ...(tools && { tools }) };
}

test("calls made at once are one turn, and so are their results", () => {
  expect(written(sharegpt, twoCalls)).toEqual({
    conversations: [
      { from: "system", value: "[twain]" },
      { from: "human", value: "Hannibal or Atlantis?" },
      {
        from: "function_call",
        value:
          '[{"name":"get_forecast","arguments":{"location":"Hannibal","days":2}},{"name":"get_forecast","arguments":{"location":"Atlantis","days":2}}]',
      },
      {
        from: "observation",
        value:
          '[{"location":"Hannibal, Missouri","high":62},{"error":"location_not_found","message":"no such place"}]',
      },
      { from: "gpt", value: "Hannibal: 62, and it exists." },
    ],
    tools: JSON.stringify(twoCalls.tools),
  });
});

test("one call is an object, one result its own text", () => {
  const { conversations: turns } = written(sharegpt, callAfterCall);
  expect(turns.map(({ from }) => from)).toEqual([
    "human",
    "function_call",
    "observation",
    "function_call",
    "observation",
    "gpt",
  ]);
  expect(turns[1]!.value).toBe(
    '{"name":"get_forecast","arguments":{"location":"Hannibal","days":2}}',
  );
  expect(turns[2]!.value).toBe("rain");
});

test("the column of tools is in every row", () => {
  expect(written(sharegpt, talk).tools).toBeNull();
});

const user: Message = { role: "user", content: "?" };
const said: Message = { role: "assistant", content: "!" };
test.each<[string, Message[]]>([
  ["turns that do not alternate", [user, user, said]],
  ["turns that do not alternate", [said, user, said]],
  ["turns that do not alternate", [user, said, { role: "system", content: "s" }, user, said]],
  [
    "text beside a call",
    twoCalls.messages.map((message) =>
      message.role === "assistant" && message.toolCalls
        ? { ...message, content: "Well," }
        : message,
    ),
  ],
])("left out: %s", (leftOut, messages) => {
  expect(reason(sharegpt, conversation(messages))).toBe(leftOut);
});

test("there and back: the same messages and tools", () => {
  fc.assert(
    fc.property(conversations(fc.constant(null)), (row) => {
      const { messages, tools } = row;
      expect(read(written(sharegpt, row))).toEqual({ messages, ...(tools && { tools }) });
    }),
  );
});

test("dataset_info.json names the files and the columns", () => {
  const info = JSON.parse(sharegpt.files!["dataset_info.json"]!) as Record<
    string,
    { file_name: string; formatting: string; columns: Record<string, string> }
  >;
  expect(Object.values(info).map(({ file_name }) => file_name)).toEqual([
    "train.jsonl",
    "valid.jsonl",
  ]);
  for (const { formatting, columns } of Object.values(info)) {
    expect(formatting).toBe("sharegpt");
    expect(Object.values(columns)).toEqual(Object.keys(written(sharegpt, twoCalls)));
  }
});
