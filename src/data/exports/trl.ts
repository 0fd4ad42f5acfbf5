/** Conversational rows for TRL's SFTTrainer and every other trainer that renders Hugging Face chat templates. */
import { z } from "zod";
import { type ExportFormat, FunctionSpec, functionSpec, nonEmpty } from "./format.ts";
import { type Turn, byTurns } from "./turns.ts";

const ToolCall = z.strictObject({
  id: z.string().min(1),
  type: z.literal("function"),
  // Templates print arguments as JSON themselves: a string would come out quoted twice.
  function: z.strictObject({ name: z.string(), arguments: z.record(z.string(), z.json()) }),
});

const TrlMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content: z.string() }),
  z.strictObject({ role: z.literal("user"), content: z.string() }),
  z
    .strictObject({
      role: z.literal("assistant"),
      // Left out beside calls: with an empty text a template that knows no calls would print the turn without them.
      content: z.string().optional(),
      tool_calls: z.array(ToolCall).nonempty().optional(),
    })
    .refine((message) => message.content !== undefined || message.tool_calls !== undefined),
  z.strictObject({
    role: z.literal("tool"),
    name: z.string(),
    content: z.string(),
    tool_call_id: z.string(),
  }),
]);
type TrlMessage = z.infer<typeof TrlMessage>;

export const TrlRow = z.strictObject({
  messages: z.array(TrlMessage).min(2),
  // Left out where there are none: some templates announce an empty list.
  tools: z
    .array(z.strictObject({ type: z.literal("function"), function: FunctionSpec }))
    .nonempty()
    .optional(),
});
export type TrlRow = z.infer<typeof TrlRow>;

function messagesOf(turn: Turn): TrlMessage[] {
  if (turn.kind === "said") return [{ role: turn.role, content: turn.content }];
  const calls = turn.calls.map(({ id, name, arguments: args }) => ({
    id,
    type: "function" as const,
    function: { name, arguments: args },
  }));
  return [
    {
      role: "assistant",
      ...(turn.text !== null && { content: turn.text }),
      tool_calls: nonEmpty(calls),
    },
    ...turn.calls.map(({ id, name, result }): TrlMessage => ({
      role: "tool",
      name,
      content: result,
      tool_call_id: id,
    })),
  ];
}

export const trl: ExportFormat<TrlRow> = {
  name: "trl",
  summary: "TRL's SFTTrainer, Axolotl's chat_template (messages, tools)",
  row: TrlRow,
  toRow: byTurns((turns, tools) => {
    const offered = nonEmpty(
      tools.map((tool) => ({ type: "function" as const, function: functionSpec(tool) })),
    );
    return { row: { messages: turns.flatMap(messagesOf), ...(offered && { tools: offered }) } };
  }),
  usage: `TRL. \`features\` needs \`datasets\` 4.7 or newer and keeps every call's arguments as they are; older versions give
each call the arguments of all tools, with null where it has none:

    from datasets import Features, Json, List, load_dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    rows = load_dataset(
        "json",
        data_files={"train": "train.jsonl", "valid": "valid.jsonl"},
        features=Features({"messages": List(Json()), "tools": List(Json())}),
    )
    SFTTrainer(
        model="Qwen/Qwen3-0.6B",
        args=SFTConfig(output_dir="out", max_length=1024, assistant_only_loss=True, learning_rate=1e-4),
        train_dataset=rows["train"],
        eval_dataset=rows["valid"],
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
    ).train()

Parquet (\`--parquet\`) says so itself: \`load_dataset("parquet", data_files=…)\` needs no \`features\`.

Axolotl:

    datasets:
      - path: train.jsonl
        ds_type: json
        type: chat_template
    test_datasets:
      - path: valid.jsonl
        ds_type: json
        type: chat_template
        split: train

Every message is kept. What templates make of the calls differs:

- Llama 3.1 and 3.2 take one call a turn, and stop at rows with two. Leave those out:
  \`rows = rows.filter(lambda row: all(len(m.get("tool_calls") or []) < 2 for m in row["messages"]))\`
- Gemma 3 and Phi-3 know no calls and stop at the first: use the format \`xml\` for them.
- Mistral wants call ids of nine letters or digits; those here are the dataset's (\`call_1\`).`,
};
