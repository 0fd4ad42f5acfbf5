/** Asks, streams the answer into the conversation, and stops when told to. */
import { useCallback, useReducer, useRef } from "preact/hooks";
import type { Persona } from "../../src/core/conversation.ts";
import { ServerProblem, ask } from "./api.ts";
import { type Entry, exchanges, reduce } from "./conversation.ts";

export interface ChatState {
  entries: Entry[];
  writing: boolean;
  send(text: string, voice: { persona: Persona; model: string }): Promise<void>;
  stop(): void;
  clear(): void;
}

function problemText(error: unknown): string {
  if (error instanceof ServerProblem) return error.message;
  return "The Almanack cannot be reached. Is the server still running?";
}

export function useChat(): ChatState {
  const [entries, change] = useReducer(reduce, [] as Entry[]);
  const abort = useRef<AbortController | null>(null);
  const nextId = useRef(1);

  const send: ChatState["send"] = async (text, { persona, model }) => {
    const stop = new AbortController();
    abort.current = stop;
    const earlier = exchanges(entries);
    change({ type: "ask", id: nextId.current, text, persona, model });
    nextId.current += 2;
    // A small model has a small memory: when the whole does not fit, the oldest letters are let go.
    for (let forgotten = 0; ; forgotten += 1) {
      try {
        const messages = [
          ...earlier.slice(forgotten).flat(),
          { role: "user" as const, content: text },
        ];
        for await (const event of ask({ model, persona, messages }, stop.signal))
          change({ type: "event", event });
        change({ type: "end", status: "done" });
        break;
      } catch (error) {
        if (
          error instanceof ServerProblem &&
          error.code === "context_length_exceeded" &&
          forgotten < earlier.length
        ) {
          change({ type: "forget", letters: forgotten + 1 });
          continue;
        }
        if (stop.signal.aborted) change({ type: "end", status: "stopped" });
        else change({ type: "end", status: "failed", problem: problemText(error) });
        break;
      }
    }
    if (abort.current === stop) abort.current = null;
  };

  const stop = useCallback(() => abort.current?.abort(), []);
  const clear = useCallback(() => {
    abort.current?.abort();
    change({ type: "clear" });
  }, []);
  const last = entries.at(-1);
  return {
    entries,
    writing: last?.role === "assistant" && last.status === "writing",
    send,
    stop,
    clear,
  };
}
