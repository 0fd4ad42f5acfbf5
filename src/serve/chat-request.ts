/**
 * The body of POST /v1/chat/completions, checked and turned into what a `Chat` takes. Unknown fields
 * are ignored; a known field that would change the answer and is not supported is an error.
 */
import { z } from "zod";
import {
  type ChatOptions,
  type Message,
  type ToolChoice,
  type ToolDefinition,
  WireTool,
  fromWireMessage,
  fromWireTool,
} from "../core/chat.ts";
import { Persona } from "../core/conversation.ts";
import { badRequest } from "./errors.ts";

const Part = z.object({ type: z.literal("text"), text: z.string() });
const Content = z
  .union([z.string(), z.array(Part)], { error: contentProblem })
  .transform((content) =>
    typeof content === "string" ? content : content.map((part) => part.text).join(""),
  );

/** A union would only say "invalid input"; the parts' own words are better. */
function contentProblem(issue: { input?: unknown }): string {
  if (!Array.isArray(issue.input)) return "expected a string or an array of text parts";
  return 'only text parts are supported: {"type": "text", "text": "…"}';
}

const Call = z.object({
  id: z.string(),
  type: z.literal("function").default("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const RequestMessage = z.discriminatedUnion(
  "role",
  [
    z.object({ role: z.literal("system"), content: Content }),
    z.object({ role: z.literal("developer"), content: Content }),
    z.object({ role: z.literal("user"), content: Content }),
    z
      .object({
        role: z.literal("assistant"),
        content: Content.nullish(),
        tool_calls: z.array(Call).nullish(),
      })
      .refine((message) => message.content != null || message.tool_calls?.length, {
        path: ["content"],
        message: "an assistant message needs content or tool_calls",
      }),
    z.object({
      role: z.literal("tool"),
      content: Content,
      tool_call_id: z.string(),
      name: z.string().optional(),
    }),
  ],
  "role must be system, developer, user, assistant or tool",
);

const NamedTool = z.object({
  type: z.literal("function"),
  function: z.object({ name: z.string() }),
});

const Body = z.object(
  {
    model: z.string("model must be a string").min(1),
    messages: z
      .array(RequestMessage, "messages must be an array")
      .nonempty("messages must not be empty"),
    tools: z.array(WireTool).max(128).nullish(),
    tool_choice: z
      .union(
        [z.enum(["auto", "none", "required"]), NamedTool],
        "expected auto, none, required or a named function",
      )
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
    max_tokens: z.int().positive().nullish(),
    max_completion_tokens: z.int().positive().nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    /** vLLM's names for what OpenAI's API does not have; -1 and 0 are off. */
    top_k: z.int().min(-1).nullish(),
    min_p: z.number().min(0).max(1).nullish(),
    repetition_penalty: z.number().positive().max(10).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    seed: z.int().nullish(),
    stop: z
      .union(
        [z.string().min(1), z.array(z.string().min(1)).max(4)],
        "expected a string or at most 4 strings, none empty",
      )
      .nullish(),
    n: z.literal(1, "only n = 1 is supported").nullish(),
    logprobs: z.literal(false, "logprobs are not supported").nullish(),
    functions: z.null("functions is deprecated and not supported: use tools").optional(),
    function_call: z
      .null("function_call is deprecated and not supported: use tool_choice")
      .optional(),
    response_format: z
      .object({ type: z.literal("text", 'only response_format {"type": "text"} is supported') })
      .nullish(),
    /** Ours: whose voice answers, where the messages hold no system message. */
    persona: Persona.nullish(),
  },
  "expected a JSON object",
);

export interface ChatRequest {
  model: string;
  messages: Message[];
  /** The client's own tools. Absent: the server may offer its own; empty: nobody offers any. */
  tools?: ToolDefinition[];
  toolChoice: ToolChoice;
  parallelToolCalls: boolean;
  stream: boolean;
  includeUsage: boolean;
  sampling: Omit<ChatOptions, "tools" | "toolChoice" | "signal">;
  persona?: Persona;
}

const present = <T extends object>(record: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value != null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

function toMessage(wire: z.infer<typeof RequestMessage>): Message {
  if (wire.role === "developer") return { role: "system", content: wire.content };
  if (wire.role !== "assistant") return fromWireMessage(wire);
  const [first, ...rest] = wire.tool_calls ?? [];
  return fromWireMessage({
    role: "assistant",
    content: wire.content,
    ...(first && { tool_calls: [first, ...rest] }),
  });
}

function toToolChoice(wire: z.infer<typeof Body>["tool_choice"]): ToolChoice {
  return typeof wire === "object" && wire !== null
    ? { name: wire.function.name }
    : (wire ?? "auto");
}

/** Throws `serve/bad-request`, whose cause names the parameter. */
export function parseChatRequest(json: unknown): ChatRequest {
  const parsed = Body.safeParse(json);
  if (!parsed.success) throw badRequest(parsed.error);
  const body = parsed.data;
  const stop = typeof body.stop === "string" ? [body.stop] : body.stop;
  return {
    model: body.model,
    messages: body.messages.map(toMessage),
    ...(body.tools && { tools: body.tools.map(fromWireTool) }),
    toolChoice: toToolChoice(body.tool_choice),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    sampling: present({
      maxTokens: body.max_completion_tokens ?? body.max_tokens,
      temperature: body.temperature,
      topP: body.top_p,
      topK: body.top_k,
      minP: body.min_p,
      repetitionPenalty: body.repetition_penalty,
      frequencyPenalty: body.frequency_penalty,
      presencePenalty: body.presence_penalty,
      seed: body.seed,
      stop,
    }),
    ...(body.persona && { persona: body.persona }),
  };
}

/** Throws `serve/bad-request` where a choice names a tool that nobody offers. */
export function checkToolChoice(choice: ToolChoice, offered: readonly ToolDefinition[]): void {
  const names = offered.map((tool) => tool.name);
  const message =
    typeof choice === "object" && !names.includes(choice.name)
      ? `"${choice.name}" is not among the tools (${names.join(", ") || "there are none"})`
      : choice === "required" && names.length === 0
        ? "required, but there are no tools"
        : undefined;
  if (message)
    throw badRequest(
      new z.ZodError([{ code: "custom", path: ["tool_choice"], message, input: choice }]),
    );
}
