/** The HTTP server as a function of requests: it does not listen, and reads no environment. */
import { Hono } from "hono";
import { type RequestIdVariables, requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import type { Tool } from "../core/chat.ts";
import { Persona } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import { type ServedModel, chatCompletions, findModel } from "./chat-completions.ts";
import { toWireError } from "./errors.ts";
import { type HostPolicy, corsForLocalPages, guardOrigins } from "./origins.ts";
import type { PageFiles } from "./page.ts";
import { createQueue } from "./queue.ts";

export interface ServeLimits {
  /** Chats that run at once; the local engine decodes them as one batch. */
  running: number;
  /** Chats that may wait in line; one more is told 429. */
  waiting: number;
  bodyBytes: number;
  /** Rounds of tool calls within one answer. */
  toolRounds: number;
  toolTimeoutMs: number;
}

export interface AppDeps {
  /** Asked at every request, so that adapters can come and go. */
  models: () => readonly ServedModel[];
  /** Tools that the server runs itself for clients that bring none. */
  tools: readonly Tool[];
  /** Where the weather comes from, and the credit it asks for. */
  provider: { name: string; attribution?: string };
  version: string;
  /** Told, with the stack, of failures that a client only sees as "the server failed". */
  logger: { error(message: string): void };
  /** The built chat page; without it only the API answers. */
  page?: PageFiles;
  /** Who answers where a request names no `persona` and holds no system message. Default `twain`. */
  defaultPersona?: Persona;
  /** Default `loopback`; `any` for a server that is bound to other addresses on purpose. */
  hosts?: HostPolicy;
  limits?: Partial<ServeLimits>;
}

const LIMITS: ServeLimits = {
  running: 8,
  waiting: 32,
  bodyBytes: 1 << 20,
  toolRounds: 4,
  toolTimeoutMs: 15_000,
};

type App = Hono<{ Variables: RequestIdVariables }>;

/** Everything is same-origin: no inline script, no other host, no framing. */
const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  // A browser that once saw this on localhost would refuse plain http there for a year.
  strictTransportSecurity: false,
  xFrameOptions: "DENY",
});

/** vLLM's listing: `root` and `parent` tell an adapter from its base. */
const modelEntry = (model: ServedModel) => ({
  id: model.id,
  object: "model" as const,
  created: model.created,
  owned_by: "twainbot",
  root: model.root ?? model.id,
  parent: model.root ?? null,
  ...(model.contextTokens !== undefined && { max_model_len: model.contextTokens }),
});

export function createApp(deps: AppDeps): App {
  const limits = { ...LIMITS, ...deps.limits };
  const defaultPersona = deps.defaultPersona ?? "twain";
  const app: App = new Hono();

  const report = (error: unknown, id: string): void => {
    const { status, body } = toWireError(error);
    if (status < 500 || body.error.code === "aborted") return;
    deps.logger.error(
      `request ${id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  };
  app.onError((error, c) => {
    // What fails because the client is gone is no failure of ours.
    if (!c.req.raw.signal.aborted) report(error, c.get("requestId"));
    const wire = toWireError(error);
    return c.newResponse(JSON.stringify(wire.body), wire.status, {
      ...wire.headers,
      "content-type": "application/json",
    });
  });
  app.notFound((c) => {
    throw new TwainError("serve/not-found", `there is nothing at ${c.req.method} ${c.req.path}`);
  });

  app.use(requestId(), headers, guardOrigins(deps.hosts ?? "loopback"), corsForLocalPages());

  app.get("/health", (c) => {
    const ready = deps.models().length > 0;
    return c.json({ status: ready ? "ok" : "loading" }, ready ? 200 : 503);
  });
  app.get("/api/info", (c) =>
    c.json({
      name: "TwainBot",
      version: deps.version,
      models: deps.models().map((model) => ({
        id: model.id,
        base: model.root ?? null,
        contextTokens: model.contextTokens ?? null,
        description: model.description ?? null,
      })),
      personas: Persona.options,
      defaultPersona,
      tools: deps.tools.map(({ definition }) => ({
        name: definition.name,
        description: definition.description,
      })),
      weather: { name: deps.provider.name, attribution: deps.provider.attribution ?? null },
    }),
  );

  app.get("/v1/models", (c) => c.json({ object: "list", data: deps.models().map(modelEntry) }));
  // A model may be named owner/name.
  app.get("/v1/models/:id{.+}", (c) =>
    c.json(modelEntry(findModel(deps.models(), c.req.param("id")))),
  );

  const queue = createQueue(limits);
  app.post("/v1/chat/completions", (c) =>
    chatCompletions({
      models: deps.models,
      tools: deps.tools,
      defaultPersona,
      queue,
      bodyBytes: limits.bodyBytes,
      maxRounds: limits.toolRounds,
      toolTimeoutMs: limits.toolTimeoutMs,
      report: (error) => report(error, c.get("requestId")),
    })(c),
  );
  app.all("/v1/chat/completions", () => {
    throw new TwainError("serve/method-not-allowed", "chat completions take POST");
  });

  app.get("*", (c, next) => {
    const file = deps.page?.get(c.req.path);
    if (!file) return next();
    const cache = file.immutable ? "public, max-age=31536000, immutable" : "no-cache";
    return Promise.resolve(
      c.body(file.bytes, 200, { "content-type": file.type, "cache-control": cache }),
    );
  });
  return app;
}
