/** Against transformers, whose template marks what a model writes: test/golden/make-tokenized.py. */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Conversation, ConversationRow, fromRow } from "../../core/conversation.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { packageRoot } from "../../core/package-root.ts";
import { loadChatTemplate } from "../../tokenizer/chat-template.ts";
import { encodeConversation } from "../../tokenizer/example.ts";
import { loadTokenizer } from "../../tokenizer/tokenizer.ts";
import type { ExportFormat } from "./format.ts";
import { talk } from "./test-conversations.ts";
import { reason, written } from "./test-write.ts";
import { type Encode, TokenizedRow, trlTokenized } from "./trl-tokenized.ts";

const golden = join(packageRoot(), "test", "golden", "tokenized");
const Golden = z.strictObject({
  id: z.string(),
  input_ids: z.array(z.number()),
  labels: z.array(z.number()),
});

let encode: Encode;
const rows: Conversation[] = [];
const expected: z.infer<typeof Golden>[] = [];
beforeAll(async () => {
  const tokenizer = await loadTokenizer(golden);
  const template = await loadChatTemplate(golden, tokenizer);
  encode = (conversation) => encodeConversation(conversation, tokenizer, template);
  for await (const row of readJsonl(join(golden, "rows.jsonl"), ConversationRow))
    rows.push(fromRow(row));
  for await (const row of readJsonl(join(golden, "golden.jsonl"), Golden)) expected.push(row);
});
const format = (maxTokens: number): ExportFormat<TokenizedRow> => trlTokenized(encode, maxTokens);

test("ids and labels are those of transformers and TRL", () => {
  const made = rows.map((row) => ({ id: row.id, ...written(format(1000), row) }));
  expect(made).toEqual(
    expected.map((row) => ({ ...row, attention_mask: row.input_ids.map(() => 1) })),
  );
  // Calls, answers and the end of every turn, and nothing of what the model is given.
  expect(made.map(({ labels }) => labels.filter((label) => label !== -100).length)).toEqual([
    154, 20,
  ]);
});

test("left out is what training leaves out", () => {
  const length = expected[0]!.input_ids.length;
  expect(reason(format(length), rows[0]!)).toBeUndefined();
  expect(reason(format(length - 1), rows[0]!)).toBe(`longer than ${length - 1} tokens`);
  const unanswered = { ...talk, messages: talk.messages.slice(0, 1) };
  expect(reason(format(length), unanswered)).toBe("nothing is trained");
});

test.each([
  ["a label of another token", { labels: [-100, 7] }],
  ["columns of two lengths", { labels: [-100] }],
  ["another column", { assistant_masks: [0, 1] }],
])("no row: %s", (_name, wrong) => {
  const right = { input_ids: [5, 6], attention_mask: [1, 1], labels: [-100, 6] };
  expect(TokenizedRow.safeParse(right).success).toBe(true);
  expect(TokenizedRow.safeParse({ ...right, ...wrong }).success).toBe(false);
});
