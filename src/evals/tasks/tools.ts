/**
 * Does it call the right tool with the right arguments, and then say only what the tool said? Two
 * turns: the call, and the answer to what the offline provider returns.
 */
import {
  type AssistantTurn,
  type Chat,
  type Message,
  type Tool,
  completeTurn,
  fromWireMessage,
  toWireMessage,
} from "../../core/chat.ts";
import { TwainError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { ToolCase } from "../../core/tool-case.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { type Place, loadPlaces } from "../../weather/place.ts";
import { sameCalls } from "../../weather/same-call.ts";
import { weatherError } from "../../weather/tools.ts";
import { validateCall } from "../../weather/validate-call.ts";
import { answerAll, measureOf } from "../answer-all.ts";
import { scoreGate } from "../summarise.ts";
import type { System } from "../system.ts";
import type { EvalContext, EvalTask, Sample } from "../task.ts";
import { offeredTools, readToolCases, runnableTools } from "../tool-cases.ts";

const slices = [
  "heldout-phrasing",
  "heldout-place",
  "heldout-both",
  "second-question",
  "follow-up",
] as const;

export const callOutcomes = [
  "correct",
  "wrong-args",
  "wrong-tool",
  "schema",
  "invalid-json",
  "no-call",
  "missing-call",
  "extra-call",
  /** The conversation does not fit into the model's context. */
  "no-room",
] as const;
export type CallOutcome = (typeof callOutcomes)[number];

/** What became of the first turn. Markup that is not a call is its own outcome, never "no call". */
export function judgeCalls(
  turn: AssistantTurn,
  expected: ToolCase["expected"],
  tools: readonly Tool[],
): CallOutcome {
  const calls = turn.message.toolCalls ?? [];
  if (turn.malformedCall !== undefined) return "invalid-json";
  if (calls.length === 0) return "no-call";
  for (const call of calls) {
    const checked = validateCall(call, tools);
    if (!checked.ok) {
      return { "unknown-tool": "wrong-tool", "not-object": "invalid-json", schema: "schema" }[
        checked.reason
      ] as CallOutcome;
    }
  }
  const compared = sameCalls(calls, expected);
  switch (compared) {
    case "match":
      return "correct";
    case "wrong-count":
      return calls.length > expected.length ? "extra-call" : "missing-call";
    case "unexpected-call":
      return "extra-call";
    case "no-call":
      return "no-call";
    case "wrong-name":
      return "wrong-tool";
    case "malformed":
      return "invalid-json";
    case "missing-argument":
    case "extra-argument":
    case "wrong-type":
    case "wrong-value":
      return "wrong-args";
  }
}

/** All that the user has said: a follow-up takes its days from the question before. */
const questionOf = (messages: readonly Message[]): string =>
  messages.flatMap((message) => (message.role === "user" ? [message.content] : [])).join("\n");

/** Undefined where the conversation does not fit: a fault of the model, not of the run. */
async function turnThatFits(turn: ReturnType<Chat>): Promise<AssistantTurn | undefined> {
  try {
    return await completeTurn(turn);
  } catch (error) {
    if (error instanceof TwainError && error.code === "generate/context-overflow") return undefined;
    throw error;
  }
}

async function runCase(
  system: System,
  item: ToolCase,
  places: readonly Place[],
  context: EvalContext,
  signal: AbortSignal,
): Promise<Sample> {
  const options = {
    tools: offeredTools(item),
    temperature: 0,
    maxTokens: context.recipe.evaluate.maxTokens,
    signal,
  };
  const tools = runnableTools(item, places);
  const messages = item.messages.map(fromWireMessage);
  const question = questionOf(messages);
  const first = await turnThatFits(system.chat(messages, options));
  const outcome = first ? judgeCalls(first, item.expected, tools) : "no-room";
  const calls = first?.message.toolCalls ?? [];
  if (first) messages.push(first.message);

  const results: JsonObject[] = [];
  for (const call of calls) {
    const checked = validateCall(call, tools);
    const result = checked.ok
      ? await checked.tool.run(checked.args, signal)
      : weatherError("invalid_arguments", checked.message);
    results.push(result);
    messages.push({
      role: "tool",
      toolCallId: call.id,
      name: call.name,
      content: JSON.stringify(result),
    });
  }

  let grounded = false;
  let note: string | undefined;
  if (calls.length > 0) {
    const second = await turnThatFits(system.chat(messages, options));
    if (second) messages.push(second.message);
    const text = second?.message.content?.trim() ?? "";
    const checked = checkGrounded(text, results, question);
    const plain =
      text !== "" && !second?.message.toolCalls?.length && second?.malformedCall === undefined;
    grounded = plain && checked.grounded;
    if (!second) note = "no room for an answer";
    else if (checked.unsupported.length > 0)
      note = `unsupported: ${checked.unsupported.join(", ")}`;
    else if (!plain) note = "no answer in words";
    else if (!grounded) note = "the answer does not name the place, or gives no weather";
  }
  const valid =
    first?.malformedCall === undefined &&
    calls.length > 0 &&
    calls.every((call) => validateCall(call, tools).ok);
  const correct = outcome === "correct";
  return {
    task: "tools",
    id: item.id,
    system: system.name,
    slice: item.slice,
    messages: messages.map(toWireMessage),
    outcome: correct && !grounded ? "ungrounded" : outcome,
    ...(note && { note }),
    values: {
      "call-valid": Number(valid),
      "call-correct": Number(correct),
      "answer-grounded": Number(grounded),
      "end-to-end": Number(correct && grounded),
      ...Object.fromEntries(
        callOutcomes.map((name) => [`outcome/${name}`, Number(outcome === name)]),
      ),
    },
  };
}

const metrics = ["call-valid", "call-correct", "answer-grounded", "end-to-end"];

export const tools: EvalTask = {
  name: "tools",

  async *run(systems, context) {
    const cases = await readToolCases(context, slices);
    const places = await loadPlaces();
    const samples = yield* answerAll("tools", systems, cases, context, (system, item, signal) =>
      runCase(system, item, places, context, signal),
    );
    return {
      measures: [
        ...metrics.flatMap((metric) =>
          [undefined, ...slices].map((slice) =>
            measureOf(samples, systems, { metric, kind: "share", better: "higher", slice }),
          ),
        ),
        ...callOutcomes.map((outcome) =>
          measureOf(samples, systems, { metric: `outcome/${outcome}`, kind: "share" }),
        ),
      ],
      samples,
    };
  },

  gates: (scores) =>
    slices.map((slice) =>
      scoreGate(
        scores,
        { metric: "end-to-end", system: "adapter", slice },
        { atLeast: slice === "heldout-phrasing" ? 0.85 : 0.8 },
      ),
    ),
};
