/** The end of a turn is learnt: from the row, through the loss, to a model that stops by itself. */
import { beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyModel, tinyTraining } from "../../test/fakes/tiny-model.ts";
import type { Conversation } from "../core/conversation.ts";
import { Decoder } from "../generate/decoder.ts";
import { Scheduler } from "../generate/scheduler.ts";
import { type ChatTemplate, createChatTemplate } from "../tokenizer/chat-template.ts";
import { encodeConversation, encodePrompt } from "../tokenizer/example.ts";
import { type Tokenizer, createTokenizer } from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import { packOnce } from "./packing.ts";
import { Trainer } from "./trainer.ts";

let tokenizer: Tokenizer;
let template: ChatTemplate;
/** The end token is id 0, what padding slots hold, and pads as well. */
beforeAll(async () => {
  const specialTokens = [
    "<|end|>",
    ...twainTokens.specialTokens.filter((token) => token !== "<|end|>"),
  ];
  const files = await trainVocabulary(["rain or sun"], {
    ...twainTokens,
    specialTokens,
    config: { ...twainTokens.config, pad_token: "<|end|>" },
    vocabSize: 300,
  });
  tokenizer = createTokenizer(files);
  template = createChatTemplate(files.config, tokenizer);
});

const conversation: Conversation = {
  id: "row",
  messages: [
    { role: "user", content: "Rain?" },
    { role: "assistant", content: "Sun." },
    { role: "user", content: "Sure?" },
    { role: "assistant", content: "Quite." },
  ],
  tags: { persona: "neutral", domain: "humour", source: "test", synthetic: true },
  meta: { parents: [], licence: "CC0-1.0", split_key: "k" },
};

test("an end token that also pads is trained at the end of every turn, and attended to", () => {
  const end = tokenizer.tokenToId("<|end|>")!;
  expect(end).toBe(0);
  const example = encodeConversation(conversation, tokenizer, template);
  const ends = [...example.ids].flatMap((id, at) => (id === end ? [at] : []));
  expect(ends).toHaveLength(2);
  const [batch] = packOnce([example], 1, 64);
  expect(ends.map((at) => batch!.predictors.includes(at - 1))).toEqual([true, true]);
  expect(batch!.targets.filter((id) => id === end)).toHaveLength(2);
  // Padding is known by its place: the same id inside the example belongs to the example.
  const size = BigInt(example.ids.length);
  batch!.segments.forEach((segment, at) => expect(segment).toBe(BigInt(at) < size ? 0n : -1n));
});

test("a model that has learnt a conversation by heart stops by itself after each turn", async () => {
  const model = tinyModel(1, { ...tinyConfig, vocab_size: tokenizer.vocabSize });
  const start = new Map([...model.tensors].map(([name, { data }]) => [name, data]));
  const trainer = new Trainer(model, { kind: "all" }, start, {
    ...tinyTraining,
    sequenceLength: 64,
  });
  const batches = [...packOnce([encodeConversation(conversation, tokenizer, template)], 1, 64)];
  for (let step = 0; step < 50; step++) await trainer.train(batches, 2e-2);
  const { weights } = trainer.state();
  const tensors = new Map(
    [...model.tensors].map(([name, { shape }]) => [name, { shape, data: weights.get(name)! }]),
  );
  await trainer.release();
  const decoder = new Decoder({ ...model, tensors }, { slots: 1, contextTokens: 64 });
  const scheduler = new Scheduler(decoder);
  for (const [turn, said] of [
    [1, "Sun."],
    [3, "Quite."],
  ] as const) {
    const stream = scheduler.generate({
      prompt: encodePrompt(conversation.messages.slice(0, turn), undefined, tokenizer, template),
      maxTokens: 20,
      sample: (logits) => logits.indexOf(Math.max(...logits)),
      endIds: template.endIds,
    });
    const ids: number[] = [];
    let next = await stream.next();
    for (; !next.done; next = await stream.next()) ids.push(next.value);
    expect(tokenizer.decode(ids)).toBe(said);
    expect(next.value).toBe("stop");
  }
  await scheduler.close();
});
