/** Does it sound like Twain? Answers to plain questions, judged by a classifier that was proved first. */
import { type Message, completeTurn, toWireMessage } from "../../core/chat.ts";
import { ConversationRow } from "../../core/conversation.ts";
import { Document } from "../../core/document.ts";
import type { Random } from "../../core/random.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { answerAll, measureOf } from "../answer-all.ts";
import { loops } from "../loops.ts";
import {
  type StyleClassifier,
  type Voiced,
  areaUnderCurve,
  macroF1,
  trainStyleClassifier,
  voiced,
} from "../style.ts";
import { stylePrompts } from "../style-prompts.ts";
import { betterGate, scoreGate } from "../summarise.ts";
import type { EvalContext, EvalTask, TaskResult } from "../task.ts";

/** The system message that rows in Twain's voice have most often, if they have one. */
async function personaMessage(context: EvalContext): Promise<string | undefined> {
  const counts = new Map<string, number>();
  for await (const row of readJsonl(context.dir.dataset.test, ConversationRow)) {
    const [first] = row.messages;
    if (row.tags.persona !== "twain" || first?.role !== "system") continue;
    counts.set(first.content, (counts.get(first.content) ?? 0) + 1);
  }
  return [...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0];
}

async function readVoices(context: EvalContext): Promise<Voiced[]> {
  const texts: Voiced[] = [];
  for await (const document of readJsonl(context.dir.curated, Document)) {
    const text = voiced(document);
    if (text) texts.push(text);
  }
  return texts;
}

/** A figure of the classifier on its held-out texts, with a bootstrap interval. */
function classifierScore(
  metric: string,
  judged: StyleClassifier["heldOut"],
  figure: (judged: StyleClassifier["heldOut"]) => number,
  random: Random,
): NonNullable<TaskResult["scores"]>[number] {
  const draws = Array.from({ length: 200 }, () => figure(judged.map(() => random.pick(judged))))
    .filter((value) => Number.isFinite(value))
    .toSorted((a, b) => a - b);
  const at = (share: number): number => draws[Math.floor(share * (draws.length - 1))] ?? NaN;
  return {
    metric,
    system: "classifier",
    value: figure(judged),
    n: judged.length,
    low: at(0.025),
    high: at(0.975),
  };
}

export const style: EvalTask = {
  name: "style",

  async *run(systems, context) {
    const random = context.random.fork("style");
    yield { type: "progress", stage: "evaluate", label: "style classifier", done: 0, total: 1 };
    const classifier = trainStyleClassifier(await readVoices(context), random);
    yield { type: "progress", stage: "evaluate", label: "style classifier", done: 1, total: 1 };

    const prompts = stylePrompts(await personaMessage(context)).map((messages, i) => ({
      id: `style-${i + 1}`,
      messages,
    }));
    const samples = yield* answerAll(
      "style",
      systems,
      prompts,
      context,
      async (system, { id, messages }, signal) => {
        const { message } = await completeTurn(
          system.chat(messages, {
            temperature: 0,
            maxTokens: context.recipe.evaluate.maxTokens,
            signal,
          }),
        );
        const whole: Message[] = [...messages, message];
        const text = message.content ?? "";
        // The classifier was proved on prose; of a loop it says whatever its words happen to be.
        const looped = loops(text);
        const probability = looped ? 0 : classifier.probability(text);
        return {
          task: "style",
          id,
          system: system.name,
          messages: whole.map(toWireMessage),
          outcome: looped ? "loop" : probability >= 0.5 ? "twain" : "other",
          values: { "p-twain": probability },
        };
      },
    );
    return {
      measures: [
        measureOf(samples, systems, { metric: "p-twain", kind: "mean", better: "higher" }),
      ],
      samples,
      scores: [
        classifierScore("macro-f1", classifier.heldOut, macroF1, random),
        classifierScore("auc", classifier.heldOut, areaUnderCurve, random),
      ],
    };
  },

  gates: (scores, comparisons) => [
    scoreGate(scores, { metric: "auc", system: "classifier" }, { atLeast: 0.7 }),
    betterGate(comparisons, { metric: "p-twain", to: "adapter" }),
  ],
};
