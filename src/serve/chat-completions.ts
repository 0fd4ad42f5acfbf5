/** POST /v1/chat/completions: from a request to a reply, holding a place in the queue meanwhile. */
import type { Context } from "hono";
import { randomUUID } from "node:crypto";
import type { Chat, Tool } from "../core/chat.ts";
import type { Persona } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import { parseChatRequest } from "./chat-request.ts";
import { completion, completionChunks } from "./completion.ts";
import { type ErrorBody, toWireError } from "./errors.ts";
import type { Queue } from "./queue.ts";
import { readJson } from "./read-json.ts";
import { type ReplyEvent, reply } from "./reply.ts";
import { SSE_HEADERS, sseStream } from "./sse.ts";

export interface ServedModel {
  id: string;
  chat: Chat;
  /** The base model that this one adapts. */
  root?: string;
  /** Unix seconds. */
  created: number;
  contextTokens?: number;
  description?: string;
}

export interface ChatCompletionsSettings {
  models: () => readonly ServedModel[];
  tools: readonly Tool[];
  defaultPersona: Persona;
  queue: Queue;
  bodyBytes: number;
  maxRounds: number;
  toolTimeoutMs: number;
  /** Told of failures that happen after the status was sent. */
  report(error: unknown): void;
}

/** Throws `serve/loading` while there is no model at all, `serve/model-not-found` for an unknown name. */
export function findModel(models: readonly ServedModel[], id: string): ServedModel {
  if (models.length === 0)
    throw new TwainError("serve/loading", "no model is loaded yet", {
      hint: "Try again in a moment.",
    });
  const model = models.find((candidate) => candidate.id === id);
  if (model) return model;
  const known = models.map((candidate) => candidate.id).join(", ");
  throw new TwainError("serve/model-not-found", `the model "${id}" does not exist`, {
    hint: `Served here: ${known}.`,
  });
}

async function* thenRelease(
  events: AsyncGenerator<ReplyEvent>,
  release: () => void,
): AsyncGenerator<ReplyEvent> {
  try {
    yield* events;
  } finally {
    release();
  }
}

export function chatCompletions(
  settings: ChatCompletionsSettings,
): (c: Context) => Promise<Response> {
  return async (c) => {
    // The server's own signal aborts with a string; ours rejects with an AbortError that everyone knows.
    const abort = new AbortController();
    c.req.raw.signal.addEventListener("abort", () => abort.abort(), { once: true });

    const request = parseChatRequest(await readJson(c.req.raw, settings.bodyBytes));
    const model = findModel(settings.models(), request.model);
    const release = await settings.queue.enter(abort.signal);
    const { tools, defaultPersona, maxRounds, toolTimeoutMs } = settings;
    const events = thenRelease(
      reply(model.chat, request, {
        tools,
        defaultPersona,
        maxRounds,
        toolTimeoutMs,
        signal: abort.signal,
      }),
      release,
    );
    const head = {
      id: `chatcmpl-${randomUUID()}`,
      created: Math.floor(Date.now() / 1000),
      model: request.model,
    };
    if (!request.stream) return c.json(await completion(events, head));
    const describe = (error: unknown): ErrorBody => {
      settings.report(error);
      return toWireError(error).body;
    };
    const chunks = completionChunks(events, head, request.includeUsage);
    return c.body(await sseStream(chunks, { abort, describe }), 200, SSE_HEADERS);
  };
}
