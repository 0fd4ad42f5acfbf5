/**
 * Whether a base in a folder can be trained on as a recipe asks: told from its config, the headers of its weights, its
 * tokenizer and its chat template, in moments, before anything is collected.
 */
import { join } from "node:path";
import type { Message, ToolDefinition } from "../core/chat.ts";
import type { Conversation } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import type { Recipe } from "../core/recipe.ts";
import { checkWeights } from "../models/check-weights.ts";
import type { ModelConfig } from "../models/config.ts";
import { refuseLonger } from "../models/context-limit.ts";
import { readConfig } from "../models/folder.ts";
import { checkStoredQuantization } from "../models/stored-quantization.ts";
import { type ChatTemplate, loadChatTemplate } from "../tokenizer/chat-template.ts";
import { encodeConversation } from "../tokenizer/example.ts";
import { type Tokenizer, loadTokenizer } from "../tokenizer/tokenizer.ts";

/** The sections of a recipe that train on sequences, and the setting that says how long these are. */
const lengths = ({ base, dapt, train, preference }: Recipe): [setting: string, tokens: number][] =>
  Object.entries({
    "base.training": base.kind === "scratch" ? base.training : undefined,
    dapt,
    train,
    preference,
  }).flatMap(([section, config]) =>
    config ? [[`${section}.sequenceLength`, config.sequenceLength] as [string, number]] : [],
  );

/** What is to be said of sequences that are longer than those a base knows, in a line for each setting. */
export const longSequences = (recipe: Recipe, { max_position_embeddings: most }: ModelConfig) =>
  lengths(recipe)
    .filter(([, tokens]) => tokens > most)
    .map(
      ([setting, tokens]) =>
        `${setting} is ${tokens}, the base knows ${most} positions (max_position_embeddings): rows longer than that are trained all the same, but evaluation, chat and the server end there`,
    );

const RAIN: ToolDefinition = {
  name: "get_weather",
  description: "The weather at a place",
  parameters: {
    type: "object",
    properties: { location: { type: "string" } },
    required: ["location"],
  },
};

/** Conversations of the forms that the recipe's rows will have. */
function trials({ curate, evaluate }: Recipe): Conversation[] {
  const ask: Message = { role: "user", content: "Will it rain in Hannibal?" };
  const reply: Message = { role: "assistant", content: "It will." };
  const trial = (id: string, messages: Message[], tools?: ToolDefinition[]): Conversation => ({
    id,
    messages,
    ...(tools && { tools }),
    tags: { persona: "neutral", domain: "no-tool", source: "trial", synthetic: true },
    meta: { parents: [], licence: "CC0-1.0", split_key: id },
  });
  const { episodes } = curate;
  const plain = trial("a trial question with its answer", [ask, reply]);
  if (episodes.train === 0 && !evaluate.tasks.includes("tools")) return [plain];
  const call = { id: "1", name: RAIN.name, arguments: { location: "Hannibal" } };
  const episode: Message[] = [
    { role: "system", content: "[twain]" },
    ask,
    { role: "assistant", content: null, toolCalls: [call] },
    { role: "tool", toolCallId: "1", name: RAIN.name, content: '{"rain":true}' },
    reply,
  ];
  const twice = episodes.mix ? (episodes.mix["follow-up"] ?? 0) > 0 : episodes.dialogues > 0;
  return [
    plain,
    trial("a trial conversation with a tool", episode, [RAIN]),
    ...(episodes.train > 0 && twice
      ? [trial("a trial conversation of two questions", [...episode, ask, reply], [RAIN])]
      : []),
  ];
}

function checkTokens(
  folder: string,
  recipe: Recipe,
  config: ModelConfig,
  { tokenizer, template }: { tokenizer: Tokenizer; template: ChatTemplate },
): void {
  if (tokenizer.vocabSize > config.vocab_size)
    throw new TwainError(
      "model/vocab-mismatch",
      `${folder}: the tokenizer has ${tokenizer.vocabSize} tokens, the embedding ${config.vocab_size}`,
      { hint: "Take tokenizer and weights from the same model." },
    );
  for (const row of trials(recipe)) encodeConversation(row, tokenizer, template);
}

/**
 * Throws what is wrong with the base in `folder`, or with what the recipe asks of it, each naming file and remedy; returns
 * what is only worth a word. Reads no weight, and without `weights` not even their headers: they may still be at a hub.
 */
export async function checkBase(
  folder: string,
  recipe: Recipe,
  { weights }: { weights: boolean },
): Promise<string[]> {
  const model = await readConfig(folder);
  const { quantization } = recipe.train;
  const path = join(folder, "config.json");
  checkStoredQuantization(path, model.config, quantization);
  for (const [setting, tokens] of lengths(recipe))
    refuseLonger(model.config, tokens, setting, path);
  if (weights) await checkWeights(folder, model, quantization);
  const tokenizer = await loadTokenizer(folder);
  const template = await loadChatTemplate(folder, tokenizer);
  checkTokens(folder, recipe, model.config, { tokenizer, template });
  return longSequences(recipe, model.config);
}
