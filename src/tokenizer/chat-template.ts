/** The one renderer of conversations: for training, evaluation and serving alike. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Message, type ToolDefinition, toWireTool } from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import { fingerprint } from "../core/hash.ts";
import type { JsonObject } from "../core/json.ts";
import { type Jinja, createJinja } from "./jinja.ts";
import { createNeutraliser, mapStrings } from "./neutralise.ts";
import { type Tokenizer, readTokenizerConfig } from "./tokenizer.ts";

/** How a model writes its calls: `<tool_call>{json}</tool_call>`, Llama 3.1's bare JSON, Mistral's `[TOOL_CALLS]`. */
export type ToolCallStyle = "tags" | "llama-json" | "mistral" | "none";

export interface RenderOptions {
  tools?: readonly ToolDefinition[] | undefined;
  /** Ends with the opening of an assistant turn. */
  addGenerationPrompt?: boolean;
}

export interface ChatTemplate {
  /** Throws `tokenizer/no-tools-branch` for tools that the template would drop, `tokenizer/template-failed`. */
  render(messages: readonly Message[], options?: RenderOptions): string;
  /** Plain text as one document: begin token, text, end token. */
  renderText(text: string): string;
  /** Tokens that end an assistant turn. */
  readonly endIds: ReadonlySet<number>;
  readonly toolCallStyle: ToolCallStyle;
  /** The file that it stands in, for errors. */
  readonly path: string;
  /** Of the template's source and its special tokens. */
  readonly hash: string;
}

const TokenField = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform((token) => token.content)])
  .nullish();

const TemplateConfig = z.looseObject({
  bos_token: TokenField,
  eos_token: TokenField,
  pad_token: TokenField,
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish(),
});

/** Turn ends that are not always the tokenizer's `eos_token` (Llama 3, ChatML, Gemma, Phi). */
const knownEnds = ["<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>"];

function styleOf(source: string): ToolCallStyle {
  if (!/\btools\b/.test(source)) return "none";
  if (source.includes("[TOOL_CALLS]")) return "mistral";
  if (source.includes("<tool_call>")) return "tags";
  if (source.includes('"parameters"') && source.includes("ipython")) return "llama-json";
  return "none";
}

/** Mistral's templates insist on nine letters or digits; no other template prints ids. */
const shortId = (index: number): string => `call${String(index).padStart(5, "0")}`;

/** Messages as templates expect them: OpenAI's shape with `arguments` as an object, every text neutralised. */
function templateMessages(
  messages: readonly Message[],
  clean: (text: string) => string,
): JsonObject[] {
  const ids = new Map<string, { id: string; name: string }>();
  return messages.map((message): JsonObject => {
    const content = clean(message.content ?? "");
    if (message.role === "tool") {
      const call = ids.get(message.toolCallId);
      const name = message.name ?? call?.name;
      return {
        role: "tool",
        content,
        tool_call_id: call?.id ?? shortId(ids.size),
        ...(name && { name: clean(name) }),
      };
    }
    if (message.role !== "assistant" || !message.toolCalls?.length)
      return { role: message.role, content };
    const calls = message.toolCalls.map((call) => {
      const id = shortId(ids.size);
      ids.set(call.id, { id, name: call.name });
      return {
        id,
        type: "function",
        function: { name: clean(call.name), arguments: mapStrings(call.arguments, clean) },
      };
    });
    return { role: "assistant", content, tool_calls: calls };
  });
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

/** Throws `tokenizer/template-failed` for a source that is not Jinja. */
function readJinja(source: string, path: string): Jinja {
  try {
    return createJinja(source);
  } catch (cause) {
    throw new TwainError(
      "tokenizer/template-failed",
      `${path}: the chat template is no Jinja that can be read: ${reasonOf(cause)}`,
      {
        hint: "The file is damaged, or uses what our renderer does not know. A chat_template.jinja beside the weights takes its place.",
        cause,
      },
    );
  }
}

function readTemplateConfig(config: JsonObject, path: string): z.infer<typeof TemplateConfig> {
  const parsed = TemplateConfig.safeParse(config);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TwainError(
    "tokenizer/invalid",
    `${path}: ${issue?.path.join(".")}: ${issue?.message}`,
    {
      hint: "The file must be the tokenizer_config.json that transformers writes: fetch it again.",
      cause: parsed.error,
    },
  );
}

export interface TemplateOptions {
  /** Further ends of a turn, from generation_config.json. */
  endTokenIds?: readonly number[];
  /** What errors call the file of the settings, and that of the template where it is another. */
  configPath?: string;
  path?: string;
}

/**
 * A template from the contents of tokenizer_config.json. Throws `tokenizer/no-chat-template`, `tokenizer/invalid`
 * and, for what is not Jinja, `tokenizer/template-failed`.
 */
export function createChatTemplate(
  config: JsonObject,
  tokenizer: Tokenizer,
  {
    endTokenIds = [],
    configPath = "tokenizer_config.json",
    path = configPath,
  }: TemplateOptions = {},
): ChatTemplate {
  const parsed = readTemplateConfig(config, configPath);
  const named = parsed.chat_template;
  const pick = (name: string): string | undefined =>
    typeof named === "string" ? named : named?.find((entry) => entry.name === name)?.template;
  const source = pick("default");
  if (source === undefined) {
    throw new TwainError("tokenizer/no-chat-template", `${path} has no chat_template`, {
      hint: "Use the instruct variant of the model, or add a chat_template to its tokenizer_config.json.",
    });
  }
  const toolSource = pick("tool_use") ?? source;
  const template = readJinja(source, path);
  const toolTemplate = toolSource === source ? template : readJinja(toolSource, path);
  const tokens = {
    bos_token: parsed.bos_token ?? "",
    eos_token: parsed.eos_token ?? "",
    pad_token: parsed.pad_token ?? "",
  };
  const clean = createNeutraliser(tokenizer.addedTokens);

  const ends = knownEnds.filter((token) => source.includes(token) || toolSource.includes(token));
  const endIds = new Set(endTokenIds);
  for (const token of [tokens.eos_token, ...ends]) {
    const id = tokenizer.tokenToId(token);
    if (id !== undefined) endIds.add(id);
  }

  return {
    render(messages, { tools = [], addGenerationPrompt = false } = {}) {
      if (tools.length > 0 && !/\btools\b/.test(toolSource)) {
        throw new TwainError(
          "tokenizer/no-tools-branch",
          `${path}: the chat template does not mention tools: ${tools.length} would be dropped silently`,
          {
            hint: "Choose a base model whose chat template supports tools, or train and evaluate without them (curate.episodes.train=0, evaluate.tasks).",
          },
        );
      }
      const setting = {
        ...tokens,
        tools: tools.length > 0 ? tools.map(toWireTool) : null,
        // Llama 3.1 prints today's date unless one is given: training and serving must see the same.
        date_string: "26 Jul 2024",
      };
      const items = {
        messages: templateMessages(messages, clean),
        add_generation_prompt: addGenerationPrompt,
      };
      try {
        return (tools.length > 0 ? toolTemplate : template)(setting, clean, items);
      } catch (cause) {
        throw new TwainError(
          "tokenizer/template-failed",
          `${path}: the chat template failed on a conversation of ${messages.length} messages (${messages.map(({ role }) => role).join(", ")}): ${reasonOf(cause)}`,
          {
            hint: "Choose a base model whose template takes such conversations, or put a chat_template.jinja of your own beside its weights.",
            cause,
          },
        );
      }
    },
    renderText: (text) => `${tokens.bos_token}${clean(text)}${tokens.eos_token}`,
    endIds,
    toolCallStyle: styleOf(toolSource),
    path,
    hash: fingerprint({ source, toolSource, tokens }),
  };
}

const GenerationConfig = z.looseObject({
  eos_token_id: z.union([z.number().transform((id) => [id]), z.array(z.number())]).nullish(),
});

function endsOf(folder: string, text: string): number[] | null | undefined {
  try {
    return GenerationConfig.parse(JSON.parse(text)).eos_token_id;
  } catch (cause) {
    throw new TwainError(
      "tokenizer/unreadable",
      `${join(folder, "generation_config.json")} is not JSON with an eos_token_id`,
      { hint: "Fetch the file again; a model also works without it.", cause },
    );
  }
}

const readOptional = (path: string): Promise<string | undefined> =>
  readFile(path, "utf8").catch(() => undefined);

/** The template of a model folder: `chat_template.jinja` where there is one, else tokenizer_config.json. */
export async function loadChatTemplate(
  folder: string,
  tokenizer: Tokenizer,
): Promise<ChatTemplate> {
  const config = await readTokenizerConfig(folder);
  const jinja = await readOptional(join(folder, "chat_template.jinja"));
  const generation = await readOptional(join(folder, "generation_config.json"));
  const ends = generation ? endsOf(folder, generation) : undefined;
  const configPath = join(folder, "tokenizer_config.json");
  return createChatTemplate(jinja ? { ...config, chat_template: jinja } : config, tokenizer, {
    endTokenIds: ends ?? [],
    configPath,
    path: jinja ? join(folder, "chat_template.jinja") : configPath,
  });
}
