/** Asks for every text of a plan, some at once, and hands the answers back in the plan's order. */
import { TwainError } from "../../core/errors.ts";
import type { WrittenConfig } from "../../core/written-config.ts";
import { normaliseText } from "../steps/normalise.ts";
import { type Answer, type AnswerCache, type AnswerKey, requestId } from "./answer-cache.ts";
import { anachronism } from "./anachronism.ts";
import { type Amount, type Budget, NOTHING, add } from "./budget.ts";
import type { Endpoint, Failure } from "./endpoint.ts";
import { lenientJson } from "./lenient-json.ts";
import { fillPrompt } from "./prompt.ts";
import { talkOf } from "./refusal.ts";
import { type Ask, Unanswered, Unusable, type WrittenTask } from "./written-kind.ts";

/** A request that failed: it is in no cache, and the next run sends it again. */
export interface FailedRequest extends Failure {
  task: string;
  request: string;
}

/** What became of a task. */
export interface TaskResult {
  task: WrittenTask;
  /** Normalised; none where there is a reason. */
  texts: readonly string[];
  reason?: string;
  /** The last answer as it came, where there was one. */
  answer?: string;
  /** Of the last request. */
  label?: { prompt: string; sample: number; request: string; served?: string };
  spent: Amount;
}

export interface WriteOptions {
  config: WrittenConfig;
  endpoint: Endpoint;
  cache: AnswerCache;
  budget: Budget;
  /** Requests of one try, and of a task at most. */
  requests: (task: WrittenTask) => number;
  /** Told at once, so that a kill loses none. */
  onFailure(failure: FailedRequest): Promise<void>;
  signal: AbortSignal;
}

/** So many tasks that failed in a row, with no answer between them: the endpoint is gone. */
const GONE = 8;
/** Tokens of a request beyond those of its texts. */
const OVERHEAD = 64;

/** What every request of the recipe says beside its messages. */
export function parametersOf(config: WrittenConfig): Record<string, unknown> {
  const { temperature, topP, maxTokens, endpoint } = config;
  return {
    ...endpoint.body,
    ...(temperature !== null && { temperature }),
    ...(topP !== null && { top_p: topP }),
    [endpoint.tokenLimit]: maxTokens,
  };
}

/** Why a text is none that the voice could have written; undefined for one that could be. */
export function problemOf(text: string, { kind, persona, given }: WrittenTask): string | undefined {
  if (text === "") return "empty answer";
  const talk = talkOf(text, { isQuestion: kind === "question" });
  if (talk !== undefined) return talk;
  return anachronism(text, persona, given) === undefined ? undefined : "anachronism";
}

function parseAnswer({ content, finish }: Answer): object {
  if (finish === "length") throw new Unusable("cut off");
  if (finish === "content_filter") throw new Unusable("refusal");
  if (content.trim() === "") throw new Unusable("empty answer");
  const found = lenientJson(content);
  if (found) return found;
  throw new Unusable(talkOf(content) === "refusal" ? "refusal" : "prose instead of JSON");
}

/** Progress as it comes; returns a result for each task. Throws `data/endpoint-access` and `data/endpoint-gone`. */
export async function* writeTexts(
  tasks: readonly WrittenTask[],
  options: WriteOptions,
): AsyncGenerator<{ done: number }, TaskResult[]> {
  const { config, endpoint, cache, budget } = options;
  const parameters = parametersOf(config);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let lastFailure: Failure | undefined;
  /** Equal requests of two tasks are one. */
  const asking = new Map<string, Promise<unknown>>();
  // Where the endpoint counts no more than was estimated, this is enough.
  const most = (bytes: number): Amount => ({
    requests: 1,
    input: bytes + OVERHEAD,
    output: config.maxTokens,
  });

  async function run(task: WrittenTask, number: number): Promise<TaskResult> {
    const requests = options.requests(task) * config.tries;
    const one = most(3 * Buffer.byteLength(task.given) + 8192);
    budget.open(number, {
      requests: requests * config.attempts,
      input: requests * one.input,
      output: requests * one.output,
    });
    let sample = 0;
    let spent = NOTHING;
    let answered: string | undefined;
    let label: TaskResult["label"];
    const spend = (amount: Amount): void => {
      spent = add(spent, amount);
      budget.spend(number, amount);
    };

    const ask: Ask = async (prompt, values, schema) => {
      const messages = fillPrompt(prompt, values);
      const key: AnswerKey = {
        url: config.endpoint.url,
        model: config.endpoint.model,
        messages,
        parameters,
        prompt: prompt.version,
        sample,
      };
      const request = requestId(key);
      const bytes = Buffer.byteLength(messages.map(({ content }) => content).join());
      const admit = async (): Promise<boolean> => {
        const paid = await budget.admit(number, most(bytes));
        if (paid) spend({ ...NOTHING, requests: 1 });
        return paid;
      };
      const answer = async (): Promise<Answer> => {
        const known = await cache.read(key);
        if (known) {
          // Paid for once already, perhaps by a run that was killed: a budget is for all runs together.
          for (let n = 0; n < known.attempts; n++)
            if (!(await admit())) throw new Unanswered("not asked: budget");
          return known;
        }
        const reply = await endpoint.ask(key, admit, signal);
        if (!reply) throw new Unanswered("not asked: budget");
        if (!reply.ok) {
          lastFailure = reply.failure;
          await options.onFailure({ task: task.id, request, ...reply.failure });
          throw new Unanswered(`failed: ${reply.failure.class}`);
        }
        await cache.write(key, reply.answer);
        return reply.answer;
      };
      // The second of two equal requests finds the answer of the first in the cache.
      const before = asking.get(request);
      const asked = (async () => {
        await before?.catch(() => undefined);
        return answer();
      })();
      asking.set(request, asked);
      const got = await asked;
      spend({ requests: 0, ...got.tokens });
      answered = got.content;
      label = {
        prompt: prompt.version,
        sample,
        request,
        ...(got.served !== undefined &&
          got.served !== config.endpoint.model && { served: got.served }),
      };
      const parsed = schema.safeParse(parseAnswer(got));
      if (!parsed.success) throw new Unusable("wrong JSON");
      return parsed.data;
    };

    const result = (texts: readonly string[], reason?: string): TaskResult => ({
      task,
      texts,
      spent,
      ...(reason !== undefined && { reason }),
      ...(answered !== undefined && { answer: answered }),
      ...(label && { label }),
    });
    try {
      for (;;) {
        try {
          const texts = (await task.write(ask)).map((text) => normaliseText(text));
          const reasons = await Promise.all(
            texts.map(async (text, i) => {
              const problem = problemOf(text, task);
              if (problem !== undefined) return problem;
              const outcome = await task.finish(text, i);
              return "reason" in outcome ? outcome.reason : undefined;
            }),
          );
          // What is wrong with some of several texts is told of each later.
          if (reasons.includes(undefined)) return result(texts);
          throw new Unusable(reasons[0] ?? "empty answer");
        } catch (error) {
          if (error instanceof Unanswered) return result([], error.reason);
          if (!(error instanceof Unusable)) throw error;
          // A second greedy answer would be the first.
          if (++sample >= config.tries || config.temperature === 0) return result([], error.reason);
        }
      }
    } finally {
      budget.close(number);
    }
  }

  const results: TaskResult[] = [];
  const running = new Map<number, Promise<number>>();
  let next = 0;
  let done = 0;
  let failed = 0;
  try {
    while (next < tasks.length || running.size > 0) {
      options.signal.throwIfAborted();
      while (next < tasks.length && running.size < config.concurrency) {
        const number = next++;
        const task = tasks[number]!;
        running.set(
          number,
          run(task, number).then((result) => {
            results[number] = result;
            return number;
          }),
        );
      }
      const number = await Promise.race(running.values());
      running.delete(number);
      done++;
      const { reason } = results[number]!;
      const gone = reason?.startsWith("failed: ") && reason !== "failed: refused";
      failed = gone ? failed + 1 : 0;
      if (failed >= GONE) {
        throw new TwainError(
          "data/endpoint-gone",
          `${failed} texts in a row got no answer: ${lastFailure?.message}; ${done - failed} of ${tasks.length} are done`,
          {
            hint: "What was answered is kept. Start the endpoint again, and the same command asks for the rest.",
          },
        );
      }
      yield { done };
    }
  } catch (error) {
    options.signal.throwIfAborted();
    throw error;
  } finally {
    stop.abort();
    // Answers that arrive while we stop are still written; nobody waits for a rejection.
    await Promise.allSettled(running.values());
  }
  return results;
}
