/** OpenAI's chat fine-tuning: `tools` and `tool_calls`, arguments as a JSON string, and no key that it does not know. */
import { z } from "zod";
import { type ExportFormat, FunctionSpec, ObjectText, functionSpec, nonEmpty } from "./format.ts";
import { type Turn, byTurns } from "./turns.ts";

const ToolCall = z.strictObject({
  id: z.string().min(1),
  type: z.literal("function"),
  function: z.strictObject({ name: z.string(), arguments: ObjectText }),
});

const OpenAiMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content: z.string() }),
  z.strictObject({ role: z.literal("user"), content: z.string() }),
  z
    .strictObject({
      role: z.literal("assistant"),
      content: z.string().optional(),
      tool_calls: z.array(ToolCall).nonempty().optional(),
    })
    .refine((message) => message.content !== undefined || message.tool_calls !== undefined),
  z.strictObject({ role: z.literal("tool"), tool_call_id: z.string(), content: z.string() }),
]);
type OpenAiMessage = z.infer<typeof OpenAiMessage>;

export const OpenAiRow = z
  .strictObject({
    messages: z.array(OpenAiMessage).min(2),
    tools: z
      .array(z.strictObject({ type: z.literal("function"), function: FunctionSpec }))
      .nonempty()
      .max(128)
      .optional(),
    parallel_tool_calls: z.boolean().optional(),
  })
  .refine((row) => row.parallel_tool_calls === undefined || row.tools !== undefined, {
    error: "parallel_tool_calls without tools",
  });
export type OpenAiRow = z.infer<typeof OpenAiRow>;

function messagesOf(turn: Turn): OpenAiMessage[] {
  if (turn.kind === "said") return [{ role: turn.role, content: turn.content }];
  const calls = turn.calls.map(({ id, name, arguments: args }) => ({
    id,
    type: "function" as const,
    function: { name, arguments: JSON.stringify(args) },
  }));
  return [
    {
      role: "assistant",
      ...(turn.text !== null && { content: turn.text }),
      tool_calls: nonEmpty(calls),
    },
    ...turn.calls.map(({ id, result }): OpenAiMessage => ({
      role: "tool",
      tool_call_id: id,
      content: result,
    })),
  ];
}

export const openai: ExportFormat<OpenAiRow> = {
  name: "openai",
  summary: "OpenAI chat fine-tuning (tools, tool_calls)",
  row: OpenAiRow,
  toRow: byTurns((turns, tools) => {
    const offered = nonEmpty(
      tools.map((tool) => ({ type: "function" as const, function: functionSpec(tool) })),
    );
    return {
      row: {
        messages: turns.flatMap(messagesOf),
        // Said of every row with tools, also where one call was enough: otherwise the flag would tell the
        // model how many calls to make.
        ...(offered && { tools: offered, parallel_tool_calls: true }),
      },
    };
  }),
  usage: `OpenAI's fine-tuning takes \`train.jsonl\` and \`valid.jsonl\` as they are:

    curl https://api.openai.com/v1/files -H "Authorization: Bearer $OPENAI_API_KEY" \\
      -F purpose=fine-tune -F file=@train.jsonl
    curl https://api.openai.com/v1/files -H "Authorization: Bearer $OPENAI_API_KEY" \\
      -F purpose=fine-tune -F file=@valid.jsonl
    curl https://api.openai.com/v1/fine_tuning/jobs -H "Authorization: Bearer $OPENAI_API_KEY" \\
      -H "Content-Type: application/json" \\
      -d '{"model": "<a model that can be fine-tuned>", "training_file": "file-…", "validation_file": "file-…"}'

Uploading is handing on: mind the licences above.

Every message is kept. A tool's name stands only at its call: this format has no \`name\` at results.
\`parallel_tool_calls\` is true in every row with tools.`,
};
