/** Messages, tools, and `Chat`: the seam that the local engine, any server and a scripted fake implement. */
import { z } from "zod";
import type { JsonObject, JsonValue } from "./json.ts";

export interface ToolCall {
  id: string;
  name: string;
  /** An object for every well-formed call; the raw text where a foreign history holds invalid JSON. */
  arguments: JsonValue;
}

export interface SystemMessage {
  role: "system";
  content: string;
}
export interface UserMessage {
  role: "user";
  content: string;
}
export interface AssistantMessage {
  role: "assistant";
  content: string | null;
  toolCalls?: ToolCall[];
}
export interface ToolMessage {
  role: "tool";
  content: string;
  toolCallId: string;
  name?: string;
}
export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

/** A tool as it is offered to a model; `parameters` is a JSON Schema of type object. */
export interface ToolDefinition {
  name: string;
  description: string;
  parameters: JsonObject;
}

export type ToolChoice = "auto" | "none" | "required" | { name: string };

export interface ChatOptions {
  tools?: readonly ToolDefinition[];
  toolChoice?: ToolChoice;
  maxTokens?: number;
  /** 0 is greedy. */
  temperature?: number;
  topP?: number;
  topK?: number;
  minP?: number;
  /** 1 is off; over prompt and answer. */
  repetitionPenalty?: number;
  /** 0 is off; over the answer. */
  frequencyPenalty?: number;
  presencePenalty?: number;
  seed?: number;
  stop?: readonly string[];
  signal?: AbortSignal;
}

export type ChatDelta =
  | { type: "text"; text: string }
  | { type: "tool-call"; index: number; id: string; name: string }
  | { type: "tool-arguments"; index: number; text: string };

export interface AssistantTurn {
  message: AssistantMessage;
  finishReason: "stop" | "length" | "tool_calls";
  /** `cachedTokens`: of the prompt, those whose work was kept from an earlier request. */
  usage: { promptTokens: number; completionTokens: number; cachedTokens?: number };
  /** Tool-call markup that was not valid JSON with a name and an arguments object; also part of `content`. */
  malformedCall?: string;
}

/** One assistant turn: streams deltas, returns the whole turn. Throws TwainError; honours `options.signal`. */
export type Chat = (
  messages: readonly Message[],
  options?: ChatOptions,
) => AsyncGenerator<ChatDelta, AssistantTurn>;

/** Drains a turn for callers that do not stream. */
export async function completeTurn(turn: ReturnType<Chat>): Promise<AssistantTurn> {
  for (;;) {
    const next = await turn.next();
    if (next.done) return next.value;
  }
}

/** A tool that can be run: its definition, its argument schema, and the function. */
export interface Tool<Args = unknown> {
  definition: ToolDefinition;
  /** Parses arguments as a model wrote them; `safeParse` failing means an invalid call. */
  args: z.ZodType<Args>;
  /** Never throws for bad input of the model: problems come back as `{ error, message }`. */
  run(args: Args, signal: AbortSignal): Promise<JsonObject>;
}

const WireToolCall = z.object({
  id: z.string(),
  type: z.literal("function").default("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

/** A message as OpenAI's wire format and our dataset rows write it. */
export const WireMessage = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content: z.string() }),
  z.object({ role: z.literal("user"), content: z.string() }),
  z.object({
    role: z.literal("assistant"),
    content: z.string().nullish(),
    tool_calls: z.array(WireToolCall).nonempty().nullish(),
  }),
  z.object({
    role: z.literal("tool"),
    content: z.string(),
    tool_call_id: z.string(),
    name: z.string().optional(),
  }),
]);
export type WireMessage = z.infer<typeof WireMessage>;

export const WireTool = z.object({
  type: z.literal("function"),
  function: z.object({
    name: z.string().min(1).max(64),
    description: z.string().default(""),
    parameters: z.record(z.string(), z.json()).default({ type: "object", properties: {} }),
  }),
});
export type WireTool = z.infer<typeof WireTool>;

/** `arguments` is a string on the wire and a value in memory; text that is not JSON stays text. */
function parseArguments(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

export function fromWireMessage(wire: WireMessage): Message {
  switch (wire.role) {
    case "assistant": {
      const message: AssistantMessage = { role: "assistant", content: wire.content ?? null };
      if (wire.tool_calls) {
        message.toolCalls = wire.tool_calls.map((call) => ({
          id: call.id,
          name: call.function.name,
          arguments: parseArguments(call.function.arguments),
        }));
      }
      return message;
    }
    case "tool":
      return {
        role: "tool",
        content: wire.content,
        toolCallId: wire.tool_call_id,
        ...(wire.name && { name: wire.name }),
      };
    default:
      return wire;
  }
}

export function toWireMessage(message: Message): WireMessage {
  switch (message.role) {
    case "assistant": {
      const [first, ...rest] = (message.toolCalls ?? []).map((call) => ({
        id: call.id,
        type: "function" as const,
        function: {
          name: call.name,
          arguments:
            typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments),
        },
      }));
      return {
        role: "assistant",
        content: message.content,
        ...(first && { tool_calls: [first, ...rest] }),
      };
    }
    case "tool":
      return {
        role: "tool",
        content: message.content,
        tool_call_id: message.toolCallId,
        ...(message.name && { name: message.name }),
      };
    default:
      return message;
  }
}

export const toWireTool = (tool: ToolDefinition): WireTool => ({
  type: "function",
  function: tool,
});
export const fromWireTool = (wire: WireTool): ToolDefinition => wire.function;
