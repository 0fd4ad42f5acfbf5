/** Does it leave the tools alone where no call is right, and invent no weather where the place is missing? */
import { completeTurn, fromWireMessage, toWireMessage } from "../../core/chat.ts";
import type { ToolCase } from "../../core/tool-case.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { answerAll, measureOf } from "../answer-all.ts";
import { scoreGate } from "../summarise.ts";
import type { System } from "../system.ts";
import type { EvalContext, EvalTask, Measure, Sample } from "../task.ts";
import { offeredTools, readToolCases } from "../tool-cases.ts";

const slices = ["no-tool", "missing-location"] as const;

async function runCase(
  system: System,
  item: ToolCase,
  context: EvalContext,
  signal: AbortSignal,
): Promise<Sample> {
  const messages = item.messages.map(fromWireMessage);
  const turn = await completeTurn(
    system.chat(messages, {
      tools: offeredTools(item),
      temperature: 0,
      maxTokens: context.recipe.evaluate.maxTokens,
      signal,
    }),
  );
  const called = (turn.message.toolCalls?.length ?? 0) > 0;
  // Broken markup is not abstention: it is counted by itself, and never as a right answer.
  const malformed = turn.malformedCall !== undefined;
  const question = messages.filter((message) => message.role === "user").at(-1)?.content ?? "";
  const { unsupported } = checkGrounded(turn.message.content ?? "", [], question);
  const invented = item.slice === "missing-location" && unsupported.length > 0;
  return {
    task: "no-tool",
    id: item.id,
    system: system.name,
    slice: item.slice,
    messages: [...item.messages, toWireMessage(turn.message)],
    outcome: called
      ? "false-call"
      : malformed
        ? "malformed-call"
        : invented
          ? "invented-weather"
          : "correct",
    ...(invented && { note: `unsupported: ${unsupported.join(", ")}` }),
    values: {
      "false-call": Number(called),
      "malformed-call": Number(malformed),
      "invented-weather": Number(invented),
    },
  };
}

export const noTool: EvalTask = {
  name: "no-tool",

  async *run(systems, context) {
    const cases = await readToolCases(context, slices);
    const samples = yield* answerAll("no-tool", systems, cases, context, (system, item, signal) =>
      runCase(system, item, context, signal),
    );
    const measure = (metric: string, slice?: string): Measure =>
      measureOf(samples, systems, { metric, kind: "share", better: "lower", slice });
    return {
      measures: [
        ...["false-call", "malformed-call"].flatMap((metric) =>
          [undefined, ...slices].map((slice) => measure(metric, slice)),
        ),
        measure("invented-weather", "missing-location"),
      ],
      samples,
    };
  },

  gates: (scores) => [
    ...slices.map((slice) =>
      scoreGate(scores, { metric: "false-call", system: "adapter", slice }, { atMost: 0.05 }),
    ),
    scoreGate(scores, { metric: "malformed-call", system: "adapter" }, { atMost: 0.005 }),
  ],
};
