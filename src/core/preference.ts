/** A `Preference`: two ways to go on from one prompt, the first better. Their rows have columns of TRL's. */
import { z } from "zod";
import {
  type Message,
  type ToolDefinition,
  WireMessage,
  WireTool,
  fromWireMessage,
  fromWireTool,
  toWireMessage,
  toWireTool,
} from "./chat.ts";
import { Meta, Tags } from "./conversation.ts";

/** In memory. */
export interface Preference {
  id: string;
  prompt: Message[];
  chosen: Message[];
  rejected: Message[];
  tools?: ToolDefinition[];
  tags: Tags;
  meta: Meta;
}

/** On disk, in `dataset/preference.jsonl`. */
export const PreferenceRow = z.strictObject({
  id: z.string(),
  prompt: z.array(WireMessage).min(1),
  chosen: z.array(WireMessage).min(1),
  rejected: z.array(WireMessage).min(1),
  tools: z.array(WireTool).nonempty().optional(),
  tags: Tags,
  meta: Meta,
});
export type PreferenceRow = z.infer<typeof PreferenceRow>;

export function fromPreferenceRow(row: PreferenceRow): Preference {
  return {
    id: row.id,
    prompt: row.prompt.map(fromWireMessage),
    chosen: row.chosen.map(fromWireMessage),
    rejected: row.rejected.map(fromWireMessage),
    ...(row.tools && { tools: row.tools.map(fromWireTool) }),
    tags: row.tags,
    meta: row.meta,
  };
}

export function toPreferenceRow(preference: Preference): PreferenceRow {
  const [first, ...rest] = (preference.tools ?? []).map(toWireTool);
  return {
    id: preference.id,
    prompt: preference.prompt.map(toWireMessage),
    chosen: preference.chosen.map(toWireMessage),
    rejected: preference.rejected.map(toWireMessage),
    ...(first && { tools: [first, ...rest] }),
    tags: preference.tags,
    meta: preference.meta,
  };
}
