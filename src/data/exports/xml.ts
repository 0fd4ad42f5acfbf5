/** Plain chat whose calls are text: the tags of Hermes and Qwen, with the tools in the system message. */
import { z } from "zod";
import type { ToolDefinition } from "../../core/chat.ts";
import { type ExportFormat, functionSpec } from "./format.ts";
import { type Turn, byTurns } from "./turns.ts";

const XmlMessage = z.strictObject({
  role: z.enum(["system", "user", "assistant"]),
  content: z.string(),
});
type XmlMessage = z.infer<typeof XmlMessage>;

export const XmlRow = z.strictObject({ messages: z.array(XmlMessage).min(2) });
export type XmlRow = z.infer<typeof XmlRow>;

/** JSON in which no closing tag can stand: `<\/` means the same and ends nothing. */
const inTag = (value: unknown): string => JSON.stringify(value).replaceAll("</", "<\\/");

const toolPrompt = (tools: readonly ToolDefinition[]): string => `# Tools

These functions can be called, one JSON description a line:
<tools>
${tools.map((tool) => inTag({ type: "function", function: functionSpec(tool) })).join("\n")}
</tools>

To call a function, answer with its name and arguments as JSON between tags, once for every call:
<tool_call>
{"name": "the function", "arguments": {"a parameter": "its value"}}
</tool_call>`;

function messagesOf(turn: Turn): XmlMessage[] {
  if (turn.kind === "said") return [{ role: turn.role, content: turn.content }];
  const calls = turn.calls.map(
    ({ name, arguments: args }) => `<tool_call>\n${inTag({ name, arguments: args })}\n</tool_call>`,
  );
  const results = turn.calls.map(
    ({ result }) =>
      `<tool_response>\n${result.replaceAll("</tool_response>", "<\\/tool_response>")}\n</tool_response>`,
  );
  return [
    { role: "assistant", content: [...(turn.text ? [turn.text] : []), ...calls].join("\n") },
    // Templates without a role for tools refuse one, and want user and assistant in turn.
    { role: "user", content: results.join("\n") },
  ];
}

export const xml: ExportFormat<XmlRow> = {
  name: "xml",
  summary: "plain chat with <tool_call>{…}</tool_call> in the text",
  row: XmlRow,
  toRow: byTurns((turns, tools) => {
    const messages = turns.flatMap(messagesOf);
    if (tools.length === 0) return { row: { messages } };
    const prompt = toolPrompt(tools);
    const [first, ...rest] = messages;
    return {
      row: {
        messages:
          first?.role === "system"
            ? [{ role: "system", content: `${first.content}\n\n${prompt}` }, ...rest]
            : [{ role: "system", content: prompt }, ...messages],
      },
    };
  }),
  usage: `Rows of \`messages\` with nothing but \`role\` and \`content\`: every trainer of chat models reads them, also for models
whose template knows no tools. TRL:

    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    rows = load_dataset("json", data_files={"train": "train.jsonl", "valid": "valid.jsonl"})
    SFTTrainer(
        model="<a chat model>",
        args=SFTConfig(output_dir="out", max_length=1024, assistant_only_loss=True),
        train_dataset=rows["train"],
        eval_dataset=rows["valid"],
    ).train()

Axolotl:

    datasets:
      - path: train.jsonl
        ds_type: json
        type: chat_template

LLaMA-Factory, in \`dataset_info.json\`:

    "twainbot": {
      "file_name": "train.jsonl",
      "formatting": "sharegpt",
      "columns": { "messages": "messages" },
      "tags": {
        "role_tag": "role", "content_tag": "content",
        "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"
      }
    }

Serve the result with a parser for these tags (vLLM: \`--enable-auto-tool-choice --tool-call-parser hermes\`) and the
same system message. The tags are those of Hermes and Qwen, the sentences around them are ours: for a model that
already calls tools in its own template, \`trl\` fits better. Results are in user turns, in the order of the calls;
call ids are gone. A template that refuses system messages (Gemma 1 and 2) refuses these rows too.`,
};
