/** OpenAI's two forms of a reply: one `chat.completion`, or a stream of `chat.completion.chunk`. */
import type { AssistantTurn, ToolCall } from "../core/chat.ts";
import type { JsonObject } from "../core/json.ts";
import type { ExecutedCall } from "./tool-loop.ts";
import type { ReplyEvent } from "./reply.ts";

export interface CompletionHead {
  id: string;
  /** Unix seconds. */
  created: number;
  /** The model as the request named it. */
  model: string;
}

interface WireCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

export interface WireUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
}

export interface Completion extends CompletionHead {
  object: "chat.completion";
  choices: [
    {
      index: 0;
      message: {
        role: "assistant";
        content: string | null;
        refusal: null;
        tool_calls?: WireCall[];
      };
      logprobs: null;
      finish_reason: AssistantTurn["finishReason"];
    },
  ];
  usage: WireUsage;
  /** Ours: the calls that the server itself ran for this answer. */
  twainbot?: { tool_calls: ExecutedCall[] };
}

interface ChunkDelta {
  role?: "assistant";
  content?: string;
  tool_calls?: {
    index: number;
    id?: string;
    type?: "function";
    function: { name?: string; arguments: string };
  }[];
}

export interface CompletionChunk extends CompletionHead {
  object: "chat.completion.chunk";
  choices: {
    index: 0;
    delta: ChunkDelta;
    logprobs: null;
    finish_reason: AssistantTurn["finishReason"] | null;
  }[];
  usage?: WireUsage | null;
  /** Ours: a call that the server starts to run; the same again with its `result`. */
  twainbot?: { tool_calls: [Omit<ExecutedCall, "result"> & { result?: JsonObject }] };
}

const wireUsage = ({
  promptTokens,
  completionTokens,
  cachedTokens = 0,
}: AssistantTurn["usage"]): WireUsage => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
});

const named = (call: ToolCall): Omit<ExecutedCall, "result"> => ({
  id: call.id,
  name: call.name,
  arguments: call.arguments,
});

/** Drains a reply into one response. */
export async function completion(
  events: AsyncIterable<ReplyEvent>,
  head: CompletionHead,
): Promise<Completion> {
  let text = "";
  const calls: WireCall[] = [];
  const ran = new Map<string, ExecutedCall>();
  for await (const event of events) {
    switch (event.type) {
      case "text":
        text += event.text;
        break;
      case "tool-call":
        calls[event.index] = {
          id: event.id,
          type: "function",
          function: { name: event.name, arguments: "" },
        };
        break;
      case "tool-arguments":
        calls[event.index]!.function.arguments += event.text;
        break;
      case "call":
        ran.set(event.call.id, { ...named(event.call), result: {} });
        break;
      case "result":
        ran.set(event.call.id, { ...named(event.call), result: event.result });
        break;
      case "end":
        return {
          id: head.id,
          object: "chat.completion",
          created: head.created,
          model: head.model,
          choices: [
            {
              index: 0,
              message: {
                role: "assistant",
                content: text === "" && calls.length > 0 ? null : text,
                refusal: null,
                ...(calls.length > 0 && { tool_calls: calls }),
              },
              logprobs: null,
              finish_reason: event.finishReason,
            },
          ],
          usage: wireUsage(event.usage),
          ...(ran.size > 0 && { twainbot: { tool_calls: [...ran.values()] } }),
        };
    }
  }
  throw new Error("a reply ended without its end event");
}

/** The chunks in OpenAI's order. The role comes with the first event, so that an early failure can still be a status. */
export async function* completionChunks(
  events: AsyncIterable<ReplyEvent>,
  head: CompletionHead,
  includeUsage: boolean,
): AsyncGenerator<CompletionChunk> {
  const chunk = (
    delta: ChunkDelta,
    finish: AssistantTurn["finishReason"] | null = null,
    extension?: CompletionChunk["twainbot"],
  ): CompletionChunk => ({
    id: head.id,
    object: "chat.completion.chunk",
    created: head.created,
    model: head.model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(includeUsage && { usage: null }),
    ...(extension && { twainbot: extension }),
  });
  let first = true;
  for await (const event of events) {
    if (first) yield chunk({ role: "assistant", content: "" });
    first = false;
    switch (event.type) {
      case "text":
        yield chunk({ content: event.text });
        break;
      case "tool-call":
        yield chunk({
          tool_calls: [
            {
              index: event.index,
              id: event.id,
              type: "function",
              function: { name: event.name, arguments: "" },
            },
          ],
        });
        break;
      case "tool-arguments":
        yield chunk({ tool_calls: [{ index: event.index, function: { arguments: event.text } }] });
        break;
      case "call":
        yield chunk({}, null, { tool_calls: [named(event.call)] });
        break;
      case "result":
        yield chunk({}, null, { tool_calls: [{ ...named(event.call), result: event.result }] });
        break;
      case "end":
        yield chunk({}, event.finishReason);
        if (includeUsage) yield { ...chunk({}), choices: [], usage: wireUsage(event.usage) };
    }
  }
}
