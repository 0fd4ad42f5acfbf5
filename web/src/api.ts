/** What the page asks of the server, and what comes back. The only file that knows URLs and JSON. */
import type { WireMessage } from "../../src/core/chat.ts";
import type { Persona } from "../../src/core/conversation.ts";
import type { JsonObject, JsonValue } from "../../src/core/json.ts";
import { readEvents } from "./read-events.ts";

export interface Info {
  version: string;
  models: {
    id: string;
    base: string | null;
    contextTokens: number | null;
    description: string | null;
  }[];
  defaultPersona: Persona;
  tools: { name: string; description: string }[];
  weather: { name: string; attribution: string | null };
}

/** A call that the server runs; `result` once it is there. */
export interface RunCall {
  id: string;
  name: string;
  arguments: JsonValue;
  result?: JsonObject;
}

export type AnswerEvent =
  | { type: "text"; text: string }
  | { type: "call"; call: RunCall }
  | { type: "cut" };

export interface Question {
  model: string;
  persona: Persona;
  messages: WireMessage[];
}

/** What the server said was wrong; `code` as in its error body. */
export class ServerProblem extends Error {
  readonly code: string | null;
  constructor(message: string, code: string | null) {
    super(message);
    this.code = code;
  }
}

interface Chunk {
  choices: { delta: { content?: string | null }; finish_reason: string | null }[];
  twainbot?: { tool_calls: RunCall[] };
  error?: { message: string; code: string | null };
}

async function problemOf(response: Response): Promise<ServerProblem> {
  const body = (await response.json().catch(() => ({}))) as Pick<Chunk, "error">;
  return new ServerProblem(
    body.error?.message ?? `The server answered ${response.status}.`,
    body.error?.code ?? null,
  );
}

export async function fetchInfo(signal?: AbortSignal): Promise<Info> {
  const response = await fetch("/api/info", signal ? { signal } : {});
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as Info;
}

/** Streams an answer. Throws `ServerProblem`, and whatever `fetch` throws when the line is down or cut. */
export async function* ask(question: Question, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...question, stream: true }),
    signal,
  });
  if (!response.ok || !response.body) throw await problemOf(response);
  for await (const data of readEvents(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) throw new ServerProblem(chunk.error.message, chunk.error.code);
    for (const call of chunk.twainbot?.tool_calls ?? []) yield { type: "call", call };
    const choice = chunk.choices[0];
    if (choice?.delta.content) yield { type: "text", text: choice.delta.content };
    if (choice?.finish_reason === "length") yield { type: "cut" };
  }
  throw new ServerProblem("The line went dead before the answer was finished.", null);
}
