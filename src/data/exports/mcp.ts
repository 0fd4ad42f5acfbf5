/** Conversations whose calls are what an MCP client and server exchange: JSON-RPC `tools/call` requests and results. */
import { z } from "zod";
import { isJsonObject } from "../../core/json.ts";
import { type ExportFormat, nonEmpty } from "./format.ts";
import { type AnsweredCall, type Turn, byTurns } from "./turns.ts";

const TextContent = z.strictObject({ type: z.literal("text"), text: z.string() });
const JsonObjectSchema = z.record(z.string(), z.json());

const McpTool = z.strictObject({
  name: z.string().min(1),
  description: z.string(),
  inputSchema: JsonObjectSchema.refine((schema) => schema.type === "object"),
});

/** As in `sampling/createMessage`, which knows no system role. */
const Said = z.strictObject({ role: z.enum(["user", "assistant"]), content: TextContent });

const Request = z.strictObject({
  jsonrpc: z.literal("2.0"),
  id: z.int().positive(),
  method: z.literal("tools/call"),
  params: z.strictObject({ name: z.string(), arguments: JsonObjectSchema }),
});

const Response = z.strictObject({
  jsonrpc: z.literal("2.0"),
  id: z.int().positive(),
  result: z.strictObject({
    content: z.array(TextContent).nonempty(),
    structuredContent: JsonObjectSchema.optional(),
    isError: z.literal(true).optional(),
  }),
});
type Response = z.infer<typeof Response>;

const McpMessage = z.union([Said, Request, Response]);
type McpMessage = z.infer<typeof McpMessage>;

export const McpRow = z.strictObject({
  systemPrompt: z.string().optional(),
  tools: z.array(McpTool).nonempty().optional(),
  messages: z.array(McpMessage).min(2),
});
export type McpRow = z.infer<typeof McpRow>;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A tool reports its own failure within the result, so that the model sees it. */
function resultOf(text: string): Response["result"] {
  const content: Response["result"]["content"] = [{ type: "text", text }];
  const value = parse(text);
  if (!isJsonObject(value)) return { content };
  return "error" in value ? { content, isError: true } : { content, structuredContent: value };
}

/** All requests, then all responses: the calls were made at once. */
function exchange(calls: readonly AnsweredCall[], firstId: number): McpMessage[] {
  const rpc = (i: number) => ({ jsonrpc: "2.0" as const, id: firstId + i });
  return [
    ...calls.map(({ name, arguments: args }, i) => ({
      ...rpc(i),
      method: "tools/call" as const,
      params: { name, arguments: args },
    })),
    ...calls.map(({ result }, i) => ({ ...rpc(i), result: resultOf(result) })),
  ];
}

const said = (role: "user" | "assistant", text: string): McpMessage => ({
  role,
  content: { type: "text", text },
});

function messagesOf(turns: readonly Turn[]): McpMessage[] {
  const messages: McpMessage[] = [];
  let calls = 0;
  for (const turn of turns) {
    if (turn.kind === "called") {
      if (turn.text) messages.push(said("assistant", turn.text));
      messages.push(...exchange(turn.calls, calls + 1));
      calls += turn.calls.length;
    } else if (turn.role !== "system") messages.push(said(turn.role, turn.content));
  }
  return messages;
}

export const mcp: ExportFormat<McpRow> = {
  name: "mcp",
  summary: "Model Context Protocol (tools/call requests and results)",
  row: McpRow,
  toRow: byTurns<McpRow>((turns, tools) => {
    if (turns.some((turn, i) => i > 0 && turn.kind === "said" && turn.role === "system"))
      return { leftOut: "a system message after the first turn" };
    const [first] = turns;
    const offered = nonEmpty(
      tools.map(({ name, description, parameters }) => ({
        name,
        description,
        inputSchema: parameters,
      })),
    );
    return {
      row: {
        ...(first?.kind === "said" && first.role === "system" && { systemPrompt: first.content }),
        ...(offered && { tools: offered }),
        messages: messagesOf(turns),
      },
    };
  }),
  usage: `MCP defines messages, not training files: no trainer reads these rows by itself. They are for agents and tests that
speak the protocol. \`tools\` is what \`tools/list\` would answer, \`systemPrompt\` and the messages with a \`role\` are
those of \`sampling/createMessage\`, and what lies between are the JSON-RPC messages of \`tools/call\`, with ids
counted within a row. All requests of a test set, ready to be sent to a server that has these tools:

    jq -c '.messages[] | select(.method == "tools/call")' test.jsonl

A result is its text, and the same as \`structuredContent\` where it is a JSON object; one that reports an error has
\`isError\` instead. Call ids of the dataset are replaced by the numbers.`,
};
