/** `Chat` by a model in this process: messages → prompt ids → tokens → deltas. */
import { randomUUID } from "node:crypto";
import type { AssistantTurn, Chat, ChatDelta, ChatOptions, Message } from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import { createRandom } from "../core/random.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import { encodePrompt } from "../tokenizer/example.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { createPenalties } from "./penalties.ts";
import { sample } from "./sampler.ts";
import type { Scheduler } from "./scheduler.ts";
import { createStopFilter } from "./stop-filter.ts";
import { createToolCallParser } from "./tool-call-parser.ts";

export interface LocalModel {
  scheduler: Scheduler;
  tokenizer: Tokenizer;
  template: ChatTemplate;
  /** Which of the scheduler's adapters answers; the base where left out. */
  adapter?: number | undefined;
  /** Names base, adapter and template: prompts of equal keys and tokens share their work. */
  prefixKey?: string | undefined;
  /** How tokens are chosen where a request does not say. */
  defaults?: SamplingDefaults | undefined;
}

export type SamplingDefaults = Pick<
  ChatOptions,
  | "temperature"
  | "topP"
  | "topK"
  | "minP"
  | "repetitionPenalty"
  | "frequencyPenalty"
  | "presencePenalty"
  | "seed"
>;

const DEFAULT_MAX_TOKENS = 256;

/** What the model is made to begin with, so that it must call: a start of the markup that it was trained on. */
function forcedStart(options: ChatOptions, template: ChatTemplate): string {
  const { toolChoice, tools = [] } = options;
  if (toolChoice === undefined || toolChoice === "auto" || toolChoice === "none") return "";
  if (template.toolCallStyle !== "tags") {
    throw new TwainError(
      "generate/tool-choice",
      `this model's call style (${template.toolCallStyle}) cannot be forced`,
      { hint: 'Use tool_choice "auto".' },
    );
  }
  if (toolChoice === "required") return '<tool_call>{"name":"';
  if (!tools.some(({ name }) => name === toolChoice.name)) {
    throw new TwainError(
      "generate/tool-choice",
      `tool_choice names ${toolChoice.name}, which is not among the ${tools.length} tools`,
    );
  }
  return `<tool_call>{"name":${JSON.stringify(toolChoice.name)},"arguments":{`;
}

export function createLocalChat(model: LocalModel): Chat {
  const { scheduler, tokenizer, template } = model;
  return async function* localChat(
    messages: readonly Message[],
    asked: ChatOptions = {},
  ): AsyncGenerator<ChatDelta, AssistantTurn> {
    const options = { ...model.defaults, ...asked };
    const tools = options.toolChoice === "none" ? [] : (options.tools ?? []);
    const start = tools.length > 0 ? forcedStart(options, template) : "";
    const prompt = [
      ...encodePrompt(messages, tools, tokenizer, template),
      ...tokenizer.encode(start),
    ];
    // Without tools on offer nothing is a call: markup is text then, as the model wrote it.
    const parser = createToolCallParser(
      tools.length > 0 ? template.toolCallStyle : "none",
      () => `call_${randomUUID().slice(0, 12)}`,
    );
    const stop = createStopFilter(options.stop ?? []);
    const random = createRandom(options.seed ?? Math.floor(Math.random() * 2 ** 31));
    const { temperature = 0 } = options;
    const penalties = createPenalties(prompt, options);
    const decoder = tokenizer.createDecoder({ skipSpecial: true });

    yield* parser.push(start);
    let completionTokens = 0;
    let cachedTokens = 0;
    let finish: "stop" | "length" = "length";
    const tokens = scheduler.generate({
      prompt,
      maxTokens: options.maxTokens ?? DEFAULT_MAX_TOKENS,
      adapter: model.adapter,
      prefixKey: model.prefixKey,
      onPrompt: (cached) => (cachedTokens = cached),
      sample(logits) {
        const token = sample(penalties.apply(logits), { ...options, temperature }, random);
        penalties.push(token);
        return token;
      },
      endIds: template.endIds,
      ...(options.signal && { signal: options.signal }),
    });
    try {
      for (;;) {
        const next = await tokens.next();
        if (next.done) {
          finish = next.value;
          yield* parser.push(stop.push(decoder.end()) + stop.end());
          break;
        }
        completionTokens++;
        yield* parser.push(stop.push(decoder.push(next.value)));
        if (stop.stopped) {
          finish = "stop";
          break;
        }
      }
    } finally {
      await tokens.return("stop");
    }
    const parsed = parser.end();
    yield* parsed.deltas;
    return {
      message: {
        role: "assistant",
        content: parsed.content,
        ...(parsed.toolCalls.length > 0 && { toolCalls: parsed.toolCalls }),
      },
      finishReason: parsed.toolCalls.length > 0 ? "tool_calls" : finish,
      usage: { promptTokens: prompt.length, completionTokens, cachedTokens },
      ...(parsed.malformedCall !== undefined && { malformedCall: parsed.malformedCall }),
    };
  };
}
