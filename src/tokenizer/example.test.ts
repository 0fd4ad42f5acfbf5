/** Train ids equal serve ids; what is trained; and what templates must not be able to do. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Message, ToolDefinition } from "../core/chat.ts";
import { type Conversation, ConversationRow, fromRow } from "../core/conversation.ts";
import type { JsonObject } from "../core/json.ts";
import { type ChatTemplate, createChatTemplate } from "./chat-template.ts";
import { encodeConversation, encodePrompt } from "./example.ts";
import { type Tokenizer, createTokenizer } from "./tokenizer.ts";
import { trainVocabulary } from "./train-vocabulary.ts";
import { twainTokens } from "./twain-template.ts";

const tools: ToolDefinition[] = [
  {
    name: "get_weather",
    description: "The weather of one day.",
    parameters: {
      type: "object",
      properties: {
        location: { type: "string" },
        date: { type: "string" },
        units: { type: "string" },
      },
      required: ["location", "date"],
    },
  },
  { name: "get_news", description: "", parameters: { type: "object", properties: {} } },
];

/** ChatML with tools, as Qwen 2.5 writes it, shortened. */
const chatml = `{%- if tools %}{{- '<|im_start|>system\\n# Tools\\n<tools>' }}{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}{{- '\\n</tools><|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- elif message.role == 'assistant' and message.tool_calls %}{{- '<|im_start|>assistant' }}{%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
{%- for tool_call in message.tool_calls %}{{- '\\n<tool_call>\\n{"name": "' }}{{- tool_call.function.name }}{{- '", "arguments": ' }}{{- tool_call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\\n' }}
{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;

let tokenizer: Tokenizer;
let twain: ChatTemplate;
let qwen: { tokenizer: Tokenizer; template: ChatTemplate };
beforeAll(async () => {
  const files = await trainVocabulary(["the weather is fine, the weather is bad"], {
    ...twainTokens,
    vocabSize: 300,
  });
  tokenizer = createTokenizer(files);
  twain = createChatTemplate(files.config, tokenizer);
  const chatFiles = await trainVocabulary(["the weather"], {
    vocabSize: 300,
    specialTokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    markupTokens: ["<tool_call>", "</tool_call>"],
    config: { eos_token: { content: "<|im_end|>" }, bos_token: null, chat_template: chatml },
  });
  const other = createTokenizer(chatFiles);
  qwen = { tokenizer: other, template: createChatTemplate(chatFiles.config, other) };
});

const conversation = (
  messages: Message[],
  offered?: ToolDefinition[],
  domain: "tool" | "text" = "tool",
): Conversation => ({
  id: "row",
  messages,
  ...(offered && { tools: offered }),
  tags: { persona: "neutral", domain, source: "test", synthetic: true },
  meta: { parents: [], licence: "CC0-1.0", split_key: "k" },
});

const content = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc
    .array(
      fc.constantFrom(
        "<|end|>",
        "<|bos|>",
        "<|im_end|>",
        "<tool_call>",
        "<|<|end|>end|>",
        "hi",
        " ",
        "\n",
        "<",
        "|",
      ),
    )
    .map((parts) => parts.join("")),
);
const call = fc.record({
  id: fc.string(),
  name: fc.constantFrom("get_weather", "get_news"),
  arguments: fc.dictionary(
    fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 8 })
      .filter((key) => key !== "__proto__"),
    fc.oneof(content, fc.integer(), fc.boolean(), fc.constant(null)),
    { maxKeys: 3 },
  ),
});
/** A user turn, then an answer, or calls with their results and an answer. */
const exchange: fc.Arbitrary<Message[]> = fc.oneof(
  fc.tuple(content, content).map(([user, answer]): Message[] => [
    { role: "user", content: user },
    { role: "assistant", content: answer },
  ]),
  fc
    .tuple(content, fc.array(call, { minLength: 1, maxLength: 2 }), content, content)
    .map(([user, toolCalls, result, answer]): Message[] => [
      { role: "user", content: user },
      { role: "assistant", content: null, toolCalls },
      ...toolCalls.map((made): Message => ({ role: "tool", content: result, toolCallId: made.id })),
      { role: "assistant", content: answer },
    ]),
);
const dialogue = fc
  .tuple(fc.option(content), fc.array(exchange, { minLength: 1, maxLength: 3 }))
  .map(([system, turns]): Message[] => [
    ...(system === null ? [] : [{ role: "system" as const, content: system }]),
    ...turns.flat(),
  ]);

describe.each(["twain", "chatml"])("%s", (name) => {
  const pick = (): { tokenizer: Tokenizer; template: ChatTemplate } =>
    name === "twain" ? { tokenizer, template: twain } : qwen;

  test("train ids start with serve ids at every turn, and each turn's training ends with a stop token", () => {
    const used = pick();
    fc.assert(
      fc.property(dialogue, fc.boolean(), (messages, withTools) => {
        const offered = withTools ? tools : undefined;
        const example = encodeConversation(
          conversation(messages, offered),
          used.tokenizer,
          used.template,
        );
        const ids = [...example.ids];
        messages.forEach((message, index) => {
          if (message.role !== "assistant") return;
          const prompt = encodePrompt(
            messages.slice(0, index),
            offered,
            used.tokenizer,
            used.template,
          );
          expect(ids.slice(0, prompt.length)).toEqual(prompt);
          expect(example.trained[prompt.length - 1]).toBe(0);
          expect(example.trained[prompt.length]).toBe(1);
          let end = prompt.length;
          while (example.trained[end + 1] === 1) end++;
          expect(used.template.endIds.has(ids[end]!)).toBe(true);
        });
        // Stop tokens come from the template alone, whatever the texts contain.
        const stops = ids.filter(
          (id, at) => example.trained[at] === 1 && used.template.endIds.has(id),
        );
        expect(stops).toHaveLength(
          messages.filter((message) => message.role === "assistant").length,
        );
      }),
      { numRuns: 200 },
    );
  });
});

test("exactly one begin token, at the front, and it is never trained", () => {
  const bos = tokenizer.tokenToId("<|bos|>");
  fc.assert(
    fc.property(dialogue, (messages) => {
      const { ids, trained } = encodeConversation(conversation(messages, tools), tokenizer, twain);
      expect([...ids].filter((id) => id === bos)).toEqual([bos]);
      expect(ids[0]).toBe(bos);
      expect(trained[0]).toBe(0);
    }),
  );
});

const weatherChat: Message[] = [
  { role: "system", content: "You are Mark Twain." },
  { role: "user", content: "Rain in Hannibal?" },
  {
    role: "assistant",
    content: null,
    toolCalls: [
      { id: "call_1", name: "get_weather", arguments: { location: "Hannibal", date: "tomorrow" } },
      { id: "b", name: "get_news", arguments: {} },
    ],
  },
  { role: "tool", toolCallId: "call_1", content: '{"high":62}' },
  { role: "tool", toolCallId: "b", content: "{}" },
  { role: "assistant", content: "It will reach 62." },
];

test("the twain template, letter for letter", () => {
  expect(twain.render(weatherChat, { tools })).toBe(
    "<|bos|><|tools|>get_weather(location, date, units?)\nget_news()<|system|>You are Mark Twain.<|user|>Rain in Hannibal?" +
      '<|assistant|><tool_call>{"name":"get_weather","arguments":{"location":"Hannibal","date":"tomorrow"}}</tool_call>' +
      '<tool_call>{"name":"get_news","arguments":{}}</tool_call><|end|>' +
      '<|tool|>{"high":62}<|tool|>{}<|assistant|>It will reach 62.<|end|>',
  );
  expect(twain.render(weatherChat.slice(0, 2), { addGenerationPrompt: true })).toBe(
    "<|bos|><|system|>You are Mark Twain.<|user|>Rain in Hannibal?<|assistant|>",
  );
  expect(twain.toolCallStyle).toBe("tags");
  expect([...twain.endIds]).toEqual([tokenizer.tokenToId("<|end|>")]);
});

test("no double-encoded arguments, and the result, schema and call are all in the render", () => {
  const text = qwen.template.render(weatherChat, { tools });
  expect(text).not.toMatch(/"\\"\{|\{\{"|\\"/);
  for (const part of [
    '"arguments": {"location": "Hannibal", "date": "tomorrow"}',
    '{"high":62}',
    "get_news",
    '"required"',
    "It will reach 62.",
  ])
    expect(text).toContain(part);
});

test("arguments that were encoded twice, or are no object, are refused", () => {
  const written = (given: string): Conversation => {
    const call = { id: "a", type: "function", function: { name: "get_weather", arguments: given } };
    const messages = [
      { role: "user", content: "Rain?" },
      { role: "assistant", content: null, tool_calls: [call] },
    ];
    const { messages: _, ...rest } = conversation([]);
    return fromRow(ConversationRow.parse({ ...rest, messages }));
  };
  const once = JSON.stringify({ location: "Hannibal" });
  const text = tokenizer.decode(encodeConversation(written(once), tokenizer, twain).ids);
  expect(text).toContain('"arguments":{"location":"Hannibal"}');
  for (const wrong of [JSON.stringify(once), "[1]", "null", "Hannibal", '{"location":'])
    expect(() => encodeConversation(written(wrong), tokenizer, twain), wrong).toThrow(
      expect.objectContaining({ code: "tokenizer/bad-arguments" }),
    );
});

test("a tokenizer that would add begin tokens of its own does not, in training or at serving", async () => {
  const files = await trainVocabulary(["the weather"], { ...twainTokens, vocabSize: 300 });
  const id = createTokenizer(files).tokenToId("<|bos|>")!;
  const begin = [{ SpecialToken: { id: "<|bos|>", type_id: 0 } }];
  const text = (id: string): object => ({ Sequence: { id, type_id: 0 } });
  const eager = createTokenizer({
    config: { ...files.config, add_bos_token: true },
    tokenizer: {
      ...files.tokenizer,
      // As Llama 3 has it.
      post_processor: {
        type: "TemplateProcessing",
        single: [...begin, text("A")],
        pair: [...begin, text("A"), ...begin, text("B")],
        special_tokens: { "<|bos|>": { id: "<|bos|>", ids: [id], tokens: ["<|bos|>"] } },
      } as JsonObject,
    },
  });
  const own = createChatTemplate(files.config, eager);
  const begins = (ids: Iterable<number>): number => [...ids].filter((each) => each === id).length;
  expect(begins(encodeConversation(conversation(weatherChat, tools), eager, own).ids)).toBe(1);
  expect(begins(encodePrompt(weatherChat.slice(0, 2), tools, eager, own))).toBe(1);
  const plain = conversation([{ role: "assistant", content: "the weather" }], undefined, "text");
  expect(begins(encodeConversation(plain, eager, own).ids)).toBe(1);
});

test("only assistant turns are trained, with their stop token but not the line end after it", () => {
  const trainedText = (used: { tokenizer: Tokenizer; template: ChatTemplate }): string => {
    const { ids, trained } = encodeConversation(
      conversation(weatherChat, tools),
      used.tokenizer,
      used.template,
    );
    return used.tokenizer.decode([...ids].filter((_, at) => trained[at] === 1));
  };
  expect(trainedText({ tokenizer, template: twain })).toBe(
    '<tool_call>{"name":"get_weather","arguments":{"location":"Hannibal","date":"tomorrow"}}</tool_call><tool_call>{"name":"get_news","arguments":{}}</tool_call><|end|>It will reach 62.<|end|>',
  );
  expect(trainedText(qwen)).toMatch(/It will reach 62\.<\|im_end\|>$/);
});

test("plain text is one document, all trained but the first token", () => {
  const { ids, trained } = encodeConversation(
    conversation([{ role: "assistant", content: "the <|end|> weather" }], undefined, "text"),
    tokenizer,
    twain,
  );
  expect(tokenizer.decode(ids)).toBe("<|bos|>the < |end|> weather<|end|>");
  expect([...trained]).toEqual([0, ...Array.from({ length: ids.length - 1 }, () => 1)]);
});

describe("templates that would spoil training are refused", () => {
  const withTemplate = (chat_template: string): ChatTemplate =>
    createChatTemplate({ ...twainTokens.config, chat_template }, tokenizer);
  const chat = weatherChat.filter(
    (message) => message.role === "user" || message.content?.startsWith("It"),
  );

  test("without a tools branch", () => {
    const template = withTemplate("{% for m in messages %}{{ m.content }}{% endfor %}");
    expect(() => template.render(chat, { tools })).toThrow(
      expect.objectContaining({ code: "tokenizer/no-tools-branch" }),
    );
    expect(template.toolCallStyle).toBe("none");
  });

  test("that rewrite earlier turns; serving still works", () => {
    const template = withTemplate(
      "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'assistant' and loop.last %}!{% endif %}{% if m.role == 'assistant' %}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    );
    const two = [...chat, ...chat];
    expect(() => encodeConversation(conversation(two), tokenizer, template)).toThrow(
      expect.objectContaining({ code: "tokenizer/template-not-prefix-preserving" }),
    );
    expect(encodeConversation(conversation(chat), tokenizer, template).ids.length).toBeGreaterThan(
      0,
    );
    const prompt = encodePrompt(two.slice(0, 3), undefined, tokenizer, template);
    expect(tokenizer.decode(prompt)).toBe(
      template.render(two.slice(0, 3), { addGenerationPrompt: true }),
    );
  });

  test("that never write the stop token", () => {
    const template = withTemplate(
      "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    );
    expect(() => encodeConversation(conversation(chat), tokenizer, template)).toThrow(
      expect.objectContaining({ code: "tokenizer/no-stop-token" }),
    );
  });

  test("that are not there, or that raise", () => {
    expect(() => createChatTemplate({}, tokenizer)).toThrow(
      expect.objectContaining({ code: "tokenizer/no-chat-template" }),
    );
    const template = withTemplate("{{ raise_exception('roles must alternate') }}");
    expect(() => template.render(chat)).toThrow(/roles must alternate/);
  });
});

test("a list of templates: tool_use with tools, default without", () => {
  const template = createChatTemplate(
    {
      ...twainTokens.config,
      chat_template: [
        { name: "default", template: "plain" },
        { name: "tool_use", template: "{{ tools | length }} tools" },
      ],
    },
    tokenizer,
  );
  expect(template.render(weatherChat)).toBe("plain");
  expect(template.render(weatherChat, { tools })).toBe("2 tools");
});
