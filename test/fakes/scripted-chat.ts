/** A `Chat` that says what a script tells it to, split where a test wants it, and records what it was asked. */
import type { AssistantTurn, Chat, ChatDelta, ChatOptions, Message } from "../../src/core/chat.ts";
import type { JsonValue } from "../../src/core/json.ts";

export interface ScriptedCall {
  name: string;
  id?: string;
  /** An object, or the raw text of arguments that are not JSON. */
  arguments?: JsonValue;
  /** What is streamed, where it is not the JSON of `arguments`; `""` streams no arguments at all. */
  argumentsText?: string;
}

export interface ScriptedTurn {
  text?: string;
  calls?: ScriptedCall[];
  finishReason?: AssistantTurn["finishReason"];
  usage?: AssistantTurn["usage"];
  malformedCall?: string;
  /** Thrown in place of the delta with this number (0: before anything is said). */
  fail?: { at: number; error: Error };
  /** Awaited before every delta; an abort of the request ends the wait. */
  pause?: (delta: number) => Promise<void>;
}

export interface ScriptedChat extends Chat {
  /** What each turn was asked, in order. */
  readonly requests: { messages: readonly Message[]; options: ChatOptions }[];
  /** Turns that ended because the request was aborted or the reader went away. */
  readonly abandoned: () => number;
  /** Deltas handed out so far. */
  readonly emitted: () => number;
}

/** A turn, or a function of the request that gives one. */
export type Script =
  | ScriptedTurn
  | ((messages: readonly Message[], options: ChatOptions) => ScriptedTurn);

export interface ScriptedChatOptions {
  /** How a text falls into deltas; one piece unless given. */
  split?: (text: string) => string[];
}

/** Cuts a text into pieces of `size` characters. */
export const everyCharacters =
  (size: number) =>
  (text: string): string[] =>
    text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];

function deltasOf(turn: ScriptedTurn, split: (text: string) => string[]): ChatDelta[] {
  const deltas: ChatDelta[] = split(turn.text ?? "").map((text) => ({ type: "text", text }));
  for (const [index, call] of (turn.calls ?? []).entries()) {
    deltas.push({ type: "tool-call", index, id: call.id ?? `call_${index}`, name: call.name });
    const given = call.arguments ?? {};
    const text = call.argumentsText ?? (typeof given === "string" ? given : JSON.stringify(given));
    for (const piece of split(text)) deltas.push({ type: "tool-arguments", index, text: piece });
  }
  return deltas.filter((delta) => delta.type !== "text" || delta.text !== "");
}

function abortable(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal?.reason as Error);
    if (signal?.aborted) return stop();
    signal?.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal?.removeEventListener("abort", stop));
  });
}

/** Plays the scripts in order; the last one repeats. */
export function scriptedChat(
  scripts: Script | Script[],
  options: ScriptedChatOptions = {},
): ScriptedChat {
  const list = Array.isArray(scripts) ? scripts : [scripts];
  const split = options.split ?? ((text: string) => [text]);
  const requests: { messages: readonly Message[]; options: ChatOptions }[] = [];
  let abandoned = 0;
  let emitted = 0;

  async function* chat(
    messages: readonly Message[],
    asked: ChatOptions = {},
  ): AsyncGenerator<ChatDelta, AssistantTurn> {
    const script = list[Math.min(requests.length, list.length - 1)];
    requests.push({ messages: structuredClone(messages) as Message[], options: asked });
    if (!script) throw new Error("the script has no turns");
    const turn = typeof script === "function" ? script(messages, asked) : script;
    let finished = false;
    try {
      let at = 0;
      for (const delta of deltasOf(turn, split)) {
        if (turn.fail?.at === at) throw turn.fail.error;
        if (turn.pause) await abortable(turn.pause(at), asked.signal);
        asked.signal?.throwIfAborted();
        at += 1;
        emitted += 1;
        yield delta;
      }
      if (turn.fail && turn.fail.at >= at) throw turn.fail.error;
      finished = true;
    } catch (error) {
      finished = error === turn.fail?.error;
      throw error;
    } finally {
      if (!finished) abandoned += 1;
    }
    const toolCalls = (turn.calls ?? []).map((call, index) => ({
      id: call.id ?? `call_${index}`,
      name: call.name,
      arguments: call.arguments ?? {},
    }));
    return {
      message: {
        role: "assistant",
        content: turn.text ?? null,
        ...(toolCalls.length > 0 && { toolCalls }),
      },
      finishReason: turn.finishReason ?? (toolCalls.length > 0 ? "tool_calls" : "stop"),
      usage: turn.usage ?? { promptTokens: 7, completionTokens: 5 },
      ...(turn.malformedCall !== undefined && { malformedCall: turn.malformedCall }),
    };
  }
  return Object.assign(chat, { requests, abandoned: () => abandoned, emitted: () => emitted });
}
