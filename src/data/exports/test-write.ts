/** For tests: a conversation as the row that a reader of the file would get. */
import type { Conversation } from "../../core/conversation.ts";
import type { ExportFormat } from "./format.ts";

/** The row after a trip through a file, parsed by the format's schema. Throws where it is left out. */
export function written<Row>(format: ExportFormat<Row>, conversation: Conversation): Row {
  const result = format.toRow(conversation);
  if ("leftOut" in result) throw new Error(`left out: ${result.leftOut}`);
  return format.row.parse(JSON.parse(JSON.stringify(result.row)));
}

/** Why a conversation is left out; undefined where it is not. */
export function reason(format: ExportFormat, conversation: Conversation): string | undefined {
  const result = format.toRow(conversation);
  return "leftOut" in result ? result.leftOut : undefined;
}
