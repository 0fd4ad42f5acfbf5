/** Whether a tool call may be run: a tool that was offered, and arguments that its schema accepts. */
import { z } from "zod";
import type { Tool, ToolCall } from "../core/chat.ts";
import { isJsonObject } from "../core/json.ts";

/** `args` is what `tool.run` takes. */
export type CallCheck =
  | { ok: true; tool: Tool; args: unknown }
  | { ok: false; reason: "unknown-tool" | "not-object" | "schema"; message: string };

/** Never throws; `message` is written for the model to read and mend its call. */
export function validateCall(
  call: Pick<ToolCall, "name" | "arguments">,
  tools: readonly Tool[],
): CallCheck {
  const tool = tools.find((candidate) => candidate.definition.name === call.name);
  if (!tool) {
    const names = tools.map((candidate) => candidate.definition.name).join(", ");
    return {
      ok: false,
      reason: "unknown-tool",
      message: `There is no tool "${call.name}"; there is ${names || "none"}.`,
    };
  }
  if (!isJsonObject(call.arguments)) {
    return { ok: false, reason: "not-object", message: "The arguments must be one JSON object." };
  }
  const parsed = tool.args.safeParse(call.arguments);
  if (parsed.success) return { ok: true, tool, args: parsed.data };
  return {
    ok: false,
    reason: "schema",
    message: z.prettifyError(parsed.error).replaceAll(/\s+/g, " "),
  };
}
