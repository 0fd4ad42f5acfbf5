/** A `ToolCase`: one evaluation question with the calls that would be right. Written by data, read by evals. */
import { z } from "zod";
import { WireMessage, WireTool } from "./chat.ts";

export const ToolSlice = z.enum([
  "heldout-phrasing",
  "heldout-place",
  "heldout-both",
  "second-question",
  "follow-up",
  "no-tool",
  "missing-location",
]);
export type ToolSlice = z.infer<typeof ToolSlice>;

export const ToolCase = z.strictObject({
  id: z.string(),
  slice: ToolSlice,
  /** The conversation up to where the model must act. */
  messages: z.array(WireMessage).nonempty(),
  tools: z.array(WireTool),
  /** The right calls, in any order; none where no call is right. */
  expected: z.array(
    z.strictObject({ name: z.string(), arguments: z.record(z.string(), z.json()) }),
  ),
  /** ISO instant that the offline provider takes as the present. */
  now: z.string(),
});
export type ToolCase = z.infer<typeof ToolCase>;
