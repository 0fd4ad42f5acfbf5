/** Llama's and Mistral's calls, cut anywhere. */
import { expect, test } from "vitest";
import type { ToolCallStyle } from "../tokenizer/chat-template.ts";
import { type ParsedTurn, createToolCallParser } from "./tool-call-parser.ts";

function parse(
  style: ToolCallStyle,
  chunks: string[],
): Omit<ParsedTurn, "deltas"> & { text: string; calls: number } {
  let made = 0;
  const parser = createToolCallParser(style, () => `call_${++made}`);
  const all = chunks.flatMap((chunk) => parser.push(chunk));
  const { deltas, ...turn } = parser.end();
  all.push(...deltas);
  return {
    ...turn,
    text: all.map((delta) => (delta.type === "text" ? delta.text : "")).join(""),
    calls: all.filter((delta) => delta.type === "tool-call").length,
  };
}
const args = { location: "Rome", days: 3 };

test.each<[ToolCallStyle, string, Partial<ParsedTurn>]>([
  [
    "llama-json",
    `{"name": "get_forecast", "parameters": ${JSON.stringify(args)}}`,
    { content: null, toolCalls: [{ id: "call_1", name: "get_forecast", arguments: args }] },
  ],
  [
    "llama-json",
    `<|python_tag|>{"name": "now"}`,
    { content: null, toolCalls: [{ id: "call_1", name: "now", arguments: {} }] },
  ],
  ["llama-json", `\n{"answer": 42}`, { content: `\n{"answer": 42}`, toolCalls: [] }],
  [
    "llama-json",
    `{"name": "now", "parameters": {`,
    { toolCalls: [], malformedCall: `{"name": "now", "parameters": {` },
  ],
  [
    "llama-json",
    `Like so: {"name": "now", "parameters": {}}`,
    { content: `Like so: {"name": "now", "parameters": {}}`, toolCalls: [] },
  ],
  ["llama-json", "", { content: "", toolCalls: [] }],
  [
    "mistral",
    `[TOOL_CALLS] [{"name": "a", "arguments": ${JSON.stringify(args)}}, {"name": "b", "arguments": {}}]`,
    {
      content: null,
      toolCalls: [
        { id: "call_1", name: "a", arguments: args },
        { id: "call_2", name: "b", arguments: {} },
      ],
    },
  ],
  [
    "mistral",
    `Wait.[TOOL_CALLS][{"name": "a", "arguments": {}}]`,
    { content: "Wait.", toolCalls: [{ id: "call_1", name: "a", arguments: {} }] },
  ],
  [
    "mistral",
    `[TOOL_CALLS] [{"name": "a", "arguments": "{}"}]`,
    { toolCalls: [], malformedCall: `[TOOL_CALLS] [{"name": "a", "arguments": "{}"}]` },
  ],
  ["mistral", "[TOOL_CALLS] []", { toolCalls: [], malformedCall: "[TOOL_CALLS] []" }],
  ["mistral", "[TOOL and [", { content: "[TOOL and [", toolCalls: [] }],
])("%s: %s", (style, text, expected) => {
  const whole = parse(style, [text]);
  expect(whole).toMatchObject(expected);
  expect(whole.text).toBe(whole.content ?? "");
  expect(whole.calls).toBe(whole.toolCalls.length);
  for (let at = 0; at <= text.length; at++)
    expect(parse(style, [text.slice(0, at), text.slice(at)])).toEqual(whole);
  expect(parse(style, [...text])).toEqual(whole);
});
