/** The chat template and the special tokens of models that are trained from scratch here. */
import { numberPieces } from "./pre-tokenize.ts";
import type { TrainVocabularyOptions } from "./train-vocabulary.ts";

/**
 * Short on purpose: a small model's context is dear. Tools are signatures (`get_weather(location,
 * date, units?)`), one a line; calls are compact JSON, keys in the order in which they were given.
 */
export const twainTemplate = [
  "{{ bos_token }}",
  "{% if tools %}<|tools|>",
  "{% for tool in tools %}",
  "{% set parameters = tool.function.parameters %}",
  "{{ tool.function.name }}(",
  "{% for name in parameters.properties %}",
  "{{ name }}{% if name not in (parameters.required or []) %}?{% endif %}{% if not loop.last %}, {% endif %}",
  "{% endfor %})",
  "{% if not loop.last %}{{ '\\n' }}{% endif %}",
  "{% endfor %}{% endif %}",
  "{% for message in messages %}",
  "{{ '<|' + message.role + '|>' + message.content }}",
  "{% for call in message.tool_calls or [] %}",
  "{{ '<tool_call>' + {'name': call.function.name, 'arguments': call.function.arguments} | tojson(separators=(',', ':')) + '</tool_call>' }}",
  "{% endfor %}",
  "{% if message.role == 'assistant' %}<|end|>{% endif %}",
  "{% endfor %}",
  "{% if add_generation_prompt %}<|assistant|>{% endif %}",
].join("");

const days = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday";
const months =
  "January February March April May June July August September October November December";

/** For `trainVocabulary(texts, { ...twainTokens, vocabSize })`: the tokens that `twainTemplate` writes. */
export const twainTokens = {
  specialTokens: [
    "<|pad|>",
    "<|bos|>",
    "<|end|>",
    "<|tools|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|tool|>",
  ],
  // Not special: parsers of other servers must see them in decoded text.
  markupTokens: ["<tool_call>", "</tool_call>"],
  // Every forecast is full of them, and none is a name that must be spelled.
  wholeWords: [...numberPieces, ...days.split(" "), ...months.split(" "), "United", "States"],
  letterPairs: 500,
  config: {
    bos_token: "<|bos|>",
    eos_token: "<|end|>",
    pad_token: "<|pad|>",
    chat_template: twainTemplate,
  },
} satisfies Pick<
  TrainVocabularyOptions,
  "specialTokens" | "markupTokens" | "wholeWords" | "letterPairs" | "config"
>;
