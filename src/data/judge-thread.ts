/**
 * The thread in which documents are judged one by one. Here and not in the main thread also because the language
 * detector's tables are a hundred megabytes of small objects, and nothing unloads a module: there, every garbage
 * collection of the training that follows would walk them.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { JudgeThreadAnswer, JudgeThreadRequest } from "./judge-threads.ts";
import { type Judged, runSteps } from "./pipeline.ts";
import { type JudgingConfig, judgingSteps } from "./steps/judging.ts";

const steps = judgingSteps(workerData as JudgingConfig);

async function* each(documents: readonly Document[]): AsyncGenerator<Document> {
  yield* documents;
}

async function answer(documents: JudgeThreadRequest): Promise<JudgeThreadAnswer> {
  const judged: Judged = { notes: [], kept: [] };
  try {
    const judging = runSteps(steps, each(documents), (step, judgement) => {
      judged.notes.push({ step, judgement });
    });
    for await (const document of judging) judged.kept.push(document);
  } catch (error) {
    if (!(error instanceof TwainError)) throw error;
    const { code, message, hint } = error;
    return { error: { code, message, ...(hint !== undefined && { hint }) } };
  }
  return { judged };
}

/** Answers are sent in the order of the requests. */
let turn = Promise.resolve();
parentPort!.on("message", (documents: JudgeThreadRequest) => {
  turn = turn.then(async () => parentPort!.postMessage(await answer(documents)));
});
