/** OpenAI's older function calling: `functions`, `function_call` and messages of the role `function`. */
import { z } from "zod";
import { type ExportFormat, FunctionSpec, ObjectText, functionSpec, nonEmpty } from "./format.ts";
import { type AnsweredCall, type Turn, byTurns } from "./turns.ts";

const FunctionsMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content: z.string() }),
  z.strictObject({ role: z.literal("user"), content: z.string() }),
  z
    .strictObject({
      role: z.literal("assistant"),
      content: z.string().optional(),
      function_call: z.strictObject({ name: z.string(), arguments: ObjectText }).optional(),
    })
    .refine((message) => message.content !== undefined || message.function_call !== undefined),
  z.strictObject({ role: z.literal("function"), name: z.string(), content: z.string() }),
]);
type FunctionsMessage = z.infer<typeof FunctionsMessage>;

export const FunctionsRow = z.strictObject({
  messages: z.array(FunctionsMessage).min(2),
  functions: z.array(FunctionSpec).nonempty().max(128).optional(),
});
export type FunctionsRow = z.infer<typeof FunctionsRow>;

const callAndResult = (call: AnsweredCall, text: string | null): FunctionsMessage[] => [
  {
    role: "assistant",
    ...(text !== null && { content: text }),
    function_call: { name: call.name, arguments: JSON.stringify(call.arguments) },
  },
  { role: "function", name: call.name, content: call.result },
];

/** Calls that were made at once follow one another: a message holds one. */
const messagesOf = (turn: Turn): FunctionsMessage[] =>
  turn.kind === "said"
    ? [{ role: turn.role, content: turn.content }]
    : turn.calls.flatMap((call, i) => callAndResult(call, i === 0 ? turn.text : null));

export const openaiFunctions: ExportFormat<FunctionsRow> = {
  name: "openai-functions",
  summary: "OpenAI's older function_call and functions",
  row: FunctionsRow,
  toRow: byTurns((turns, tools) => {
    const functions = nonEmpty(tools.map(functionSpec));
    return { row: { messages: turns.flatMap(messagesOf), ...(functions && { functions }) } };
  }),
  usage: `For models and servers that know \`function_call\` but not \`tool_calls\`. OpenAI calls this form deprecated; its
fine-tuning still describes it, and takes the files like those of the format \`openai\`:

    curl https://api.openai.com/v1/files -H "Authorization: Bearer $OPENAI_API_KEY" \\
      -F purpose=fine-tune -F file=@train.jsonl

Uploading is handing on: mind the licences above.

A message holds one call. Calls that were made at once stand here one after another, each followed by its result,
and the ids that tied results to calls are gone.`,
};
