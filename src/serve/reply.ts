/**
 * What one request gets back, as a stream of events that knows nothing of JSON or SSE: both forms of
 * the response are made from it, so they cannot disagree.
 */
import type { AssistantTurn, Chat, ChatDelta, ChatOptions, Message, Tool } from "../core/chat.ts";
import type { Persona } from "../core/conversation.ts";
import { type ChatRequest, checkToolChoice } from "./chat-request.ts";
import { type ToolLoopEvent, runToolLoop, turnEvents } from "./tool-loop.ts";

export type ReplyEvent =
  | ChatDelta
  | Exclude<ToolLoopEvent, { type: "text" }>
  | { type: "end"; finishReason: AssistantTurn["finishReason"]; usage: AssistantTurn["usage"] };

export interface ReplySettings {
  /** The server's own tools. */
  tools: readonly Tool[];
  defaultPersona: Persona;
  maxRounds: number;
  toolTimeoutMs: number;
  signal: AbortSignal;
}

/** A persona is one control tag, put first; a system message of the client's own is left alone. */
export function withPersona(messages: readonly Message[], persona: Persona): readonly Message[] {
  if (persona === "neutral" || messages.some((message) => message.role === "system"))
    return messages;
  return [{ role: "system", content: `[${persona}]` }, ...messages];
}

/** Throws `serve/bad-request` for an impossible tool choice, and what the chat throws. Ends with one `end` event. */
export async function* reply(
  chat: Chat,
  request: ChatRequest,
  settings: ReplySettings,
): AsyncGenerator<ReplyEvent> {
  const messages = withPersona(request.messages, request.persona ?? settings.defaultPersona);
  const sampling = { ...request.sampling, signal: settings.signal };
  const { toolChoice } = request;
  if (request.tools || toolChoice === "none" || settings.tools.length === 0) {
    const tools = request.tools ?? [];
    checkToolChoice(toolChoice, tools);
    yield* clientTurn(
      chat,
      messages,
      { ...sampling, ...(tools.length > 0 && { tools, toolChoice }) },
      request,
    );
    return;
  }
  checkToolChoice(
    toolChoice,
    settings.tools.map((tool) => tool.definition),
  );
  const { tools, maxRounds, toolTimeoutMs } = settings;
  const end = yield* runToolLoop(chat, messages, {
    ...sampling,
    toolChoice,
    tools,
    maxRounds,
    toolTimeoutMs,
  });
  yield { type: "end", finishReason: end.finishReason, usage: end.usage };
}

/** One turn whose calls are handed to the client. */
async function* clientTurn(
  chat: Chat,
  messages: readonly Message[],
  options: ChatOptions,
  { toolChoice, parallelToolCalls }: ChatRequest,
): AsyncGenerator<ReplyEvent> {
  const limit = toolChoice === "none" ? 0 : parallelToolCalls ? Infinity : 1;
  // Characters of arguments per call: a call without any must still say "{}".
  const written: number[] = [];
  for await (const event of turnEvents(chat(messages, options))) {
    if (event.type === "end") {
      for (const [index, length] of written.entries()) {
        if (length === 0) yield { type: "tool-arguments", index, text: "{}" };
      }
      yield {
        type: "end",
        finishReason: finishReason(event.turn, written.length, toolChoice),
        usage: event.turn.usage,
      };
    } else if (event.type === "text") {
      if (event.text !== "") yield event;
    } else if (event.index < limit) {
      if (event.type === "tool-call") written[event.index] = 0;
      else if (event.text === "") continue;
      else written[event.index] = (written[event.index] ?? 0) + event.text.length;
      yield event;
    }
  }
}

/** OpenAI says "stop", not "tool_calls", when the client named the function; "tool_calls" only with calls. */
function finishReason(
  turn: AssistantTurn,
  calls: number,
  choice: ChatRequest["toolChoice"],
): AssistantTurn["finishReason"] {
  if (turn.finishReason === "length") return "length";
  return calls > 0 && typeof choice === "string" ? "tool_calls" : "stop";
}
