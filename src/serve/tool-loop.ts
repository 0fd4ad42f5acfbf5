/**
 * Asks, runs the tools that the model calls, tells it the results, and asks again until it answers.
 * Knows nothing of HTTP or of what the tools do: the server and the terminal chat both use it.
 */
import { z } from "zod";
import type {
  AssistantMessage,
  AssistantTurn,
  Chat,
  ChatDelta,
  ChatOptions,
  Message,
  Tool,
  ToolCall,
} from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";

export type ToolLoopEvent =
  | { type: "text"; text: string }
  /** A call starts to run. */
  | { type: "call"; call: ToolCall }
  | { type: "result"; call: ToolCall; result: JsonObject };

export interface ExecutedCall {
  id: string;
  name: string;
  arguments: JsonValue;
  result: JsonObject;
}

export interface ToolLoopEnd {
  /** The last turn: the answer. */
  message: AssistantMessage;
  /** Everything that a history needs: calls, results, answer. */
  transcript: Message[];
  finishReason: "stop" | "length";
  usage: AssistantTurn["usage"];
  executed: ExecutedCall[];
}

export interface ToolLoopOptions extends Omit<ChatOptions, "tools"> {
  tools: readonly Tool[];
  /** Rounds of calls; after the last the model must answer without tools. Default 4. */
  maxRounds?: number;
  /** Calls of one turn that are run; further ones get an error as their result. Default 8. */
  maxCalls?: number;
  toolTimeoutMs?: number;
}

/** A turn as one stream: its deltas, then the whole turn. Ending the reading ends the turn. */
export async function* turnEvents(
  turn: ReturnType<Chat>,
): AsyncGenerator<ChatDelta | { type: "end"; turn: AssistantTurn }> {
  yield { type: "end", turn: yield* turn };
}

/** `maxTokens` bounds the whole reply; `toolChoice` holds for the first turn only. Throws what `chat` throws. */
export async function* runToolLoop(
  chat: Chat,
  messages: readonly Message[],
  { tools, maxRounds = 4, maxCalls = 8, toolTimeoutMs = 15_000, ...options }: ToolLoopOptions,
): AsyncGenerator<ToolLoopEvent, ToolLoopEnd> {
  const definitions = tools.map((tool) => tool.definition);
  const transcript: Message[] = [];
  const executed: ExecutedCall[] = [];
  const usage = { promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
  const ids = new Set(
    messages.flatMap((message) => (message.role === "tool" ? [message.toolCallId] : [])),
  );
  let spoken = false;

  for (let round = 0; ; round += 1) {
    const left =
      options.maxTokens === undefined ? undefined : options.maxTokens - usage.completionTokens;
    const last = round === maxRounds;
    const stream = turnEvents(
      chat([...messages, ...transcript], {
        ...options,
        ...(left !== undefined && { maxTokens: left }),
        tools: definitions,
        toolChoice: last ? "none" : round === 0 ? (options.toolChoice ?? "auto") : "auto",
      }),
    );
    let turn: AssistantTurn | undefined;
    let paragraph = spoken;
    for await (const event of stream) {
      if (event.type === "end") turn = event.turn;
      if (event.type !== "text" || event.text === "") continue;
      // What it said before a call and what it says after are two paragraphs.
      yield { type: "text", text: paragraph ? `\n\n${event.text}` : event.text };
      paragraph = false;
      spoken = true;
    }
    if (!turn) throw new Error("a chat ended without a turn");
    usage.promptTokens += turn.usage.promptTokens;
    usage.completionTokens += turn.usage.completionTokens;
    usage.cachedTokens += turn.usage.cachedTokens ?? 0;

    const calls = last ? [] : withFreshIds(turn.message.toolCalls ?? [], ids);
    const exhausted =
      options.maxTokens !== undefined && usage.completionTokens >= options.maxTokens;
    if (calls.length === 0 || exhausted) {
      const message: AssistantMessage = { role: "assistant", content: turn.message.content };
      const finishReason = turn.finishReason === "length" || calls.length > 0 ? "length" : "stop";
      return { message, transcript: [...transcript, message], finishReason, usage, executed };
    }
    transcript.push({ role: "assistant", content: turn.message.content, toolCalls: calls });
    const results = yield* runCalls(calls, tools, {
      maxCalls,
      toolTimeoutMs,
      ...(options.signal && { signal: options.signal }),
    });
    for (const [index, call] of calls.entries()) {
      const result = results[index] ?? {};
      executed.push({ ...call, result });
      transcript.push({
        role: "tool",
        toolCallId: call.id,
        name: call.name,
        content: JSON.stringify(result),
      });
    }
  }
}

/** A model may number its calls from zero in every turn; an answer must still find its call. */
function withFreshIds(calls: readonly ToolCall[], taken: Set<string>): ToolCall[] {
  return calls.map((call) => {
    let id = call.id;
    for (let n = 2; taken.has(id); n += 1) id = `${call.id}_${n}`;
    taken.add(id);
    return { ...call, id };
  });
}

/** Runs calls side by side and reports each as it lands; gives the results in the order of the calls. */
async function* runCalls(
  calls: readonly ToolCall[],
  tools: readonly Tool[],
  limits: { maxCalls: number; toolTimeoutMs: number; signal?: AbortSignal },
): AsyncGenerator<ToolLoopEvent, JsonObject[]> {
  // When the reader goes away the rest must stop too, which no signal of the caller tells.
  const stop = new AbortController();
  const abort = (): void => stop.abort(limits.signal?.reason);
  limits.signal?.addEventListener("abort", abort, { once: true });
  if (limits.signal?.aborted) abort();
  try {
    for (const call of calls) yield { type: "call", call };
    type Landed = { index: number; result: JsonObject } | { index: number; error: unknown };
    const running = new Map<number, Promise<Landed>>();
    for (const [index, call] of calls.entries()) {
      const work =
        index < limits.maxCalls
          ? runCall(call, tools, stop.signal, limits.toolTimeoutMs)
          : Promise.resolve({
              error: "too_many_calls",
              message: `At most ${limits.maxCalls} calls at once.`,
            });
      running.set(
        index,
        work.then(
          (result) => ({ index, result }),
          (error: unknown) => ({ index, error }),
        ),
      );
    }
    const results: JsonObject[] = [];
    while (running.size > 0) {
      const landed = await Promise.race(running.values());
      running.delete(landed.index);
      if ("error" in landed) throw landed.error;
      results[landed.index] = landed.result;
      yield { type: "result", call: calls[landed.index]!, result: landed.result };
    }
    return results;
  } finally {
    limits.signal?.removeEventListener("abort", abort);
    stop.abort();
  }
}

/** Never throws for what the model or the tool's source did: the model is told and may mend it. */
async function runCall(
  call: ToolCall,
  tools: readonly Tool[],
  signal: AbortSignal,
  timeoutMs: number,
): Promise<JsonObject> {
  const tool = tools.find((candidate) => candidate.definition.name === call.name);
  if (!tool) {
    const names = tools.map((candidate) => candidate.definition.name).join(", ");
    return {
      error: "unknown_tool",
      message: `There is no tool "${call.name}". The tools are: ${names}.`,
    };
  }
  const args = tool.args.safeParse(call.arguments);
  if (!args.success) return { error: "invalid_arguments", message: z.prettifyError(args.error) };

  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new DOMException("timeout", "TimeoutError")),
    timeoutMs,
  );
  const abort = (): void => deadline.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([tool.run(args.data, deadline.signal), rejection(deadline.signal)]);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (deadline.signal.aborted)
      return { error: "timeout", message: `No answer within ${timeoutMs / 1000} seconds.` };
    if (error instanceof TwainError) return { error: error.code, message: error.message };
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Rejects when the signal aborts, so that a tool that ignores its signal holds up nobody. */
function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
