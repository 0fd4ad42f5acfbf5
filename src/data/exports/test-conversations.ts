/** Conversations for the tests of export formats: written ones that must not change, and any that could be. */
import fc from "fast-check";
import type { Message, ToolCall, ToolDefinition } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import type { JsonObject } from "../../core/json.ts";

export const getForecast: ToolDefinition = {
  name: "get_forecast",
  description: "Weather in a place for the next days",
  parameters: {
    type: "object",
    properties: { location: { type: "string" }, days: { type: "integer", minimum: 1, maximum: 7 } },
    required: ["location", "days"],
    additionalProperties: false,
  },
};

export function conversation(
  messages: Message[],
  options: { tools?: ToolDefinition[]; licence?: string } = {},
): Conversation {
  return {
    id: "row-1",
    messages,
    ...(options.tools && { tools: options.tools }),
    tags: { persona: "twain", domain: "tool", source: "episodes", synthetic: true },
    meta: { parents: [], licence: options.licence ?? "CC0-1.0", split_key: "x" },
  };
}

const call = (id: string, location: string): ToolCall => ({
  id,
  name: "get_forecast",
  arguments: { location, days: 2 },
});
const result = (id: string, content: string): Message => ({
  role: "tool",
  content,
  toolCallId: id,
  name: "get_forecast",
});

/** Two calls at once, one of which fails. */
export const twoCalls = conversation(
  [
    { role: "system", content: "[twain]" },
    { role: "user", content: "Hannibal or Atlantis?" },
    {
      role: "assistant",
      content: null,
      toolCalls: [call("call_1", "Hannibal"), call("call_2", "Atlantis")],
    },
    result("call_1", '{"location":"Hannibal, Missouri","high":62}'),
    result("call_2", '{"error":"location_not_found","message":"no such place"}'),
    { role: "assistant", content: "Hannibal: 62, and it exists." },
  ],
  { tools: [getForecast] },
);

/** A call after a call, with no system message. */
export const callAfterCall = conversation(
  [
    { role: "user", content: "Hannibal, and then Cairo?" },
    { role: "assistant", content: null, toolCalls: [call("call_1", "Hannibal")] },
    result("call_1", "rain"),
    { role: "assistant", content: null, toolCalls: [call("call_2", "Cairo")] },
    result("call_2", "dust"),
    { role: "assistant", content: "Rain, then dust." },
  ],
  { tools: [getForecast] },
);

export const talk = conversation([
  { role: "user", content: "Say something." },
  { role: "assistant", content: "Something." },
]);

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "</tool_call>", "<tool_call>", '{"a":1}', "a\nb", "\u2028", '\\"', "[1,2]"),
);
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/);
const key = name.filter((value) => value !== "__proto__" && value !== "constructor");
const object = fc.dictionary(
  key,
  fc.oneof(
    // JSON has no minus zero.
    fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as typeof value),
    fc.constantFrom("</tool_call>", "</tools>"),
  ),
  { maxKeys: 4, noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;
const tool: fc.Arbitrary<ToolDefinition> = fc.record({
  name,
  description: text,
  parameters: object.map((properties) => ({ type: "object", properties })),
});
const answered = fc.record({
  name,
  arguments: object,
  result: fc.oneof(
    text,
    object.map((value) => JSON.stringify(value)),
    object.map((value) => JSON.stringify(value, null, 2)),
  ),
});
const calls = (beside: fc.Arbitrary<string | null>) =>
  fc.record({ beside, calls: fc.array(answered, { minLength: 1, maxLength: 3 }) });

/**
 * Conversations as the dataset has them: calls are numbered, answered in their order, and named in their
 * results. `beside`: what the assistant may say beside a call.
 */
export const conversations = (beside: fc.Arbitrary<string | null>): fc.Arbitrary<Conversation> =>
  fc
    .record({
      system: fc.option(text, { nil: undefined }),
      rounds: fc.array(
        fc.record({ ask: text, turns: fc.array(calls(beside), { maxLength: 2 }), say: text }),
        { minLength: 1, maxLength: 3 },
      ),
      tools: fc.array(tool, { maxLength: 3 }),
    })
    .map(({ system, rounds, tools }) => {
      const messages: Message[] = [];
      let made = 0;
      if (system !== undefined) messages.push({ role: "system", content: system });
      for (const round of rounds) {
        messages.push({ role: "user", content: round.ask });
        for (const turn of round.turns) {
          const numbered = turn.calls.map((each) => ({ ...each, id: `call_${++made}` }));
          const toolCalls = numbered.map(({ id, name: tool, arguments: args }): ToolCall => ({
            id,
            name: tool,
            arguments: args,
          }));
          messages.push({ role: "assistant", content: turn.beside, toolCalls });
          for (const each of numbered)
            messages.push({
              role: "tool",
              content: each.result,
              toolCallId: each.id,
              name: each.name,
            });
        }
        messages.push({ role: "assistant", content: round.say });
      }
      return conversation(messages, tools.length > 0 ? { tools } : {});
    });

/** Text, nothing, or the empty text beside a call. */
export const anythingBeside = fc.oneof(fc.constant(null), text);
