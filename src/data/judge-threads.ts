/** Documents are judged in threads, a batch at a time; what comes back is in the order of the documents. */
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Document } from "../core/document.ts";
import { type ErrorCode, TwainError } from "../core/errors.ts";
import { batchesOf } from "./batches-of.ts";
import type { Judged, StepGroup } from "./pipeline.ts";
import { type JudgingConfig, judgingSteps } from "./steps/judging.ts";

/** What a thread is sent, and what it answers, in turn. */
export type JudgeThreadRequest = readonly Document[];
export type JudgeThreadAnswer =
  | { judged: Judged }
  /** The user's mistake or their data's; a programming error ends the thread. */
  | { error: { code: ErrorCode; message: string; hint?: string } };

/** So many short documents are a batch, or so many characters; a book is one of its own. */
const BATCH = 128;
const BATCH_CHARACTERS = 1 << 20;
const weightOf = ({ text }: Document): number => 1 / BATCH + text.length / BATCH_CHARACTERS;
/** Batches that a thread is given before the first is back, so that it never waits. */
const AHEAD = 2;
/** What a thread says of a text is garbage a moment later; with room for it, half a gigabyte would gather. */
const MEGABYTES = 768;
const YOUNG_MEGABYTES = 16;
const MOST_THREADS = 4;

interface JudgeThread {
  judge(documents: JudgeThreadRequest): Promise<Judged>;
  close(): Promise<void>;
}

/** Why a thread that ended gives no more answers. */
function reasonOf(error: Error & { code?: string }, megabytes: number): Error {
  if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") return error;
  return new TwainError(
    "curate/thread-memory",
    `a thread of curation needed more than its ${megabytes} MB`,
    { hint: "A document is too long to be judged at once: cut it into parts.", cause: error },
  );
}

/** Starts the thread's program, which has the ending that this file has: in tests it is TypeScript, which Node 20 cannot read. */
function startThread(workerData: JudgingConfig, maxOldGenerationSizeMb: number): Worker {
  const ending = extname(fileURLToPath(import.meta.url));
  const program = new URL(`./judge-thread${ending}`, import.meta.url);
  const resourceLimits = { maxOldGenerationSizeMb, maxYoungGenerationSizeMb: YOUNG_MEGABYTES };
  // None of this process's: those are for its own program.
  const options = { workerData, resourceLimits, execArgv: [] };
  if (ending !== ".ts") return new Worker(program, options);
  const [tsx, entry] = [import.meta.resolve("tsx/esm/api"), program.href].map((url) =>
    JSON.stringify(url),
  );
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(load, { ...options, eval: true });
}

function openThread(config: JudgingConfig, megabytes: number): JudgeThread {
  const thread = startThread(config, megabytes);
  const waiting: { resolve(judged: Judged): void; reject(error: unknown): void }[] = [];
  let ended: Error | undefined;
  const fail = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  thread.on("message", (answer: JudgeThreadAnswer) => {
    const asked = waiting.shift();
    if ("judged" in answer) asked?.resolve(answer.judged);
    else {
      const { code, message, hint } = answer.error;
      asked?.reject(new TwainError(code, message, { ...(hint !== undefined && { hint }) }));
    }
  });
  thread.on("error", (error) => fail(reasonOf(error, megabytes)));
  thread.on("exit", () => fail(new Error("the thread that judges documents was closed")));
  return {
    judge: (documents) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        waiting.push({ resolve, reject });
        thread.postMessage(documents);
      }),
    async close() {
      await thread.terminate();
    },
  };
}

/**
 * The judging steps in `workers` threads, which are started when there is work for them. What they say does not depend
 * on how many there are. Throws `curate/thread-memory`, and what the steps throw.
 */
export function judgeInThreads(
  config: JudgingConfig,
  workers?: number,
  megabytes = MEGABYTES,
): StepGroup {
  const most = workers ?? Math.max(1, Math.min(MOST_THREADS, availableParallelism() - 1));
  return {
    names: judgingSteps(config).map(({ name }) => name),
    async *judge(documents) {
      const threads: JudgeThread[] = [];
      const sent: Promise<Judged>[] = [];
      try {
        let number = 0;
        for await (const batch of batchesOf(documents, 1, weightOf)) {
          const thread = (threads[number++ % most] ??= openThread(config, megabytes));
          const judged = thread.judge(batch);
          // Awaited some batches later; until then nobody else would hear of a failure.
          judged.catch(() => undefined);
          sent.push(judged);
          if (sent.length > AHEAD * most) yield await sent.shift()!;
        }
        for (const judged of sent) yield await judged;
      } finally {
        for (const thread of threads) await thread.close();
      }
    },
  };
}
