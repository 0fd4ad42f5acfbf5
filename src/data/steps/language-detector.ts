/**
 * The language detector, in a thread of its own. Its tables are a hundred megabytes of small objects, and
 * nothing unloads a module: left here, every garbage collection of the training that follows would walk them.
 */
import { Worker } from "node:worker_threads";

export interface Finding {
  /** ISO 639-1; empty where there is no telling. */
  language: string;
  isReliable: boolean;
  /** By language, 0 to 1. */
  scores: Record<string, number>;
}

export interface LanguageDetector {
  detect(texts: readonly string[]): Promise<Finding[]>;
  close(): Promise<void>;
}

const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const loading = import(workerData);
parentPort.on("message", async (texts) => {
  const { eld } = await loading;
  parentPort.postMessage(
    texts.map((text) => {
      const found = eld.detect(text);
      return { language: found.language, isReliable: found.isReliable(), scores: found.getScores() };
    }),
  );
});`;

/** Starts the thread, which takes seconds to load its tables. `close` it when done. */
export function openLanguageDetector(): LanguageDetector {
  const thread = new Worker(THREAD, {
    eval: true,
    workerData: import.meta.resolve("eld/large"),
    // Not those of this process: the thread needs no TypeScript loader.
    execArgv: [],
    // What it says of a text is garbage a moment later; with room for it, the thread would let half a gigabyte gather.
    resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 },
  });
  const waiting: { resolve(found: Finding[]): void; reject(error: unknown): void }[] = [];
  /** Why there will be no more answers: a thread that ended takes messages and says nothing. */
  let ended: Error | undefined;
  const fail = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  thread.on("message", (found: Finding[]) => waiting.shift()?.resolve(found));
  thread.on("error", fail);
  thread.on("exit", () => fail(new Error("the language detector was closed")));
  return {
    detect: (texts) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        waiting.push({ resolve, reject });
        thread.postMessage(texts);
      }),
    async close() {
      await thread.terminate();
    },
  };
}
