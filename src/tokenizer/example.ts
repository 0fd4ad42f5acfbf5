/** Conversation to `Example`: token ids, and which of them are trained. */
import type { Message, ToolDefinition } from "../core/chat.ts";
import { type Conversation, isPlainText } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import type { ChatTemplate } from "./chat-template.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface Example {
  id: string;
  ids: Int32Array;
  /** 1 where this token is predicted (from the ones before it) and trained; the first is always 0. */
  trained: Uint8Array;
}

type Tools = readonly ToolDefinition[] | undefined;

/** A stretch of rendered text that is tokenised on its own. */
interface Segment {
  text: string;
  assistant: boolean;
}

/**
 * Rendered text, cut where the model starts to write and where it has written. A cut on both sides
 * of every assistant turn makes training see the ids that serving sees: there the prompt is
 * tokenised before the answer exists. Undefined where a later turn changes how an earlier one is
 * rendered (Qwen3 drops old reasoning, for instance).
 */
function cut(
  messages: readonly Message[],
  tools: Tools,
  template: ChatTemplate,
  open: boolean,
): Segment[] | undefined {
  const segments: Segment[] = [];
  let done = "";
  const whole = template.render(messages, { tools, addGenerationPrompt: open });
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    const isLast = index === messages.length - 1 && !open;
    const prompt = template.render(messages.slice(0, index), { tools, addGenerationPrompt: true });
    const answered = isLast ? whole : template.render(messages.slice(0, index + 1), { tools });
    if (!prompt.startsWith(done) || !answered.startsWith(prompt)) return undefined;
    segments.push({ text: prompt.slice(done.length), assistant: false });
    segments.push({ text: answered.slice(prompt.length), assistant: true });
    done = answered;
  }
  if (!whole.startsWith(done)) return undefined;
  segments.push({ text: whole.slice(done.length), assistant: false });
  return segments;
}

function toExample(id: string, parts: { ids: number[]; trained: number }[]): Example {
  const length = parts.reduce((sum, part) => sum + part.ids.length, 0);
  const ids = new Int32Array(length);
  const trained = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    ids.set(part.ids, at);
    trained.fill(1, at, at + part.trained);
    at += part.ids.length;
  }
  trained[0] = 0;
  return { id, ids, trained };
}

/** The ids of plain text between the tokens that begin and end a text; all but the first are trained. */
export function encodeText(
  id: string,
  text: string,
  tokenizer: Tokenizer,
  template: ChatTemplate,
): Example {
  const ids = tokenizer.encode(template.renderText(text));
  return toExample(id, [{ ids, trained: ids.length }]);
}

/** A call whose arguments are text, such as JSON that was encoded twice, would be learnt as it is. */
function checkArguments(id: string, messages: readonly Message[]): void {
  for (const message of messages) {
    if (message.role !== "assistant") continue;
    for (const { name, arguments: given } of message.toolCalls ?? []) {
      if (typeof given === "object" && given !== null && !Array.isArray(given)) continue;
      throw new TwainError(
        "tokenizer/bad-arguments",
        `${id}: the arguments of a call of ${name} are no JSON object: ${JSON.stringify(given).slice(0, 80)}`,
        { hint: "In a dataset row `arguments` is an object written as JSON, once." },
      );
    }
  }
}

/**
 * The ids of a conversation with its assistant turns trained, each up to and with its stop token;
 * of plain text every token but the first. Throws `tokenizer/template-not-prefix-preserving`,
 * `tokenizer/no-stop-token` and `tokenizer/bad-arguments`.
 */
export function encodeConversation(
  conversation: Conversation,
  tokenizer: Tokenizer,
  template: ChatTemplate,
): Example {
  const { id, messages, tools } = conversation;
  checkArguments(id, messages);
  if (isPlainText(conversation)) {
    const text = messages.map((message) => message.content ?? "").join("\n\n");
    return encodeText(id, text, tokenizer, template);
  }
  const segments = cut(messages, tools, template, false);
  if (!segments) {
    throw new TwainError(
      "tokenizer/template-not-prefix-preserving",
      `${id}: the chat template of ${template.path} renders an earlier turn differently once a later one follows, so training would see other tokens than serving`,
      {
        hint: "Train on conversations with one assistant turn, or use a template that keeps earlier turns as they were.",
      },
    );
  }
  const parts = segments.map(({ text, assistant }) => {
    const ids = tokenizer.encode(text);
    if (!assistant) return { ids, trained: 0 };
    // What a template writes after the stop token (ChatML's line end) is not the model's to write.
    const stop = ids.findLastIndex((token) => template.endIds.has(token));
    if (stop < 0) {
      throw new TwainError(
        "tokenizer/no-stop-token",
        `${id}: the chat template of ${template.path} ends an assistant turn without a stop token, so the model would never learn to stop`,
        {
          hint: "The tokenizer's eos_token must be what the chat template writes at the end of a turn.",
        },
      );
    }
    return { ids, trained: stop + 1 };
  });
  return toExample(id, parts);
}

/** The ids that a model is given before it writes its turn: the same as in training. */
export function encodePrompt(
  messages: readonly Message[],
  tools: Tools,
  tokenizer: Tokenizer,
  template: ChatTemplate,
): number[] {
  const segments = cut(messages, tools, template, true) ?? [
    { text: template.render(messages, { tools, addGenerationPrompt: true }) },
  ];
  return segments.flatMap(({ text }) => tokenizer.encode(text));
}
