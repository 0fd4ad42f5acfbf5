/**
 * MLflow over its REST API 2.0 (https://mlflow.org/docs/latest/rest-api.html): one MLflow run a training, its
 * scalars as metrics. It is a witness and no condition: what fails is said once, and training goes on without it.
 */
import { z } from "zod";
import type { StageName } from "../core/events.ts";
import type { Recipe } from "../core/recipe.ts";
import type { Tracker } from "./tracker.ts";

export interface MlflowOptions {
  /** Where the server is, with the path that its API is under. */
  uri: string;
  experiment: string;
  runName: string;
  /** Shown beside the metrics. */
  params: Readonly<Record<string, string>>;
  /** Metrics that are sent at once; what waits longer than `flushMs` is sent anyway. */
  batch?: number;
  flushMs?: number;
  /** For one request. */
  timeoutMs?: number;
  env?: Readonly<Record<string, string | undefined>>;
}

interface Metric {
  key: string;
  value: number;
  /** Unix milliseconds. */
  timestamp: number;
  step: number;
}

/** MLflow's own limits: 1000 metrics and 100 parameters a request, 500 characters a value. */
const MOST_METRICS = 1000;
const MOST_PARAMS = 100;
const MOST_CHARACTERS = 500;
const MOST_BYTES = 1 << 20;

const Experiment = z.object({ experiment: z.object({ experiment_id: z.string() }) });
const Created = z.object({ experiment_id: z.string() });
const Run = z.object({ run: z.object({ info: z.object({ run_id: z.string() }) }) });

/** The header that MLflow's own clients would send: from the environment only. */
function authorization(env: NonNullable<MlflowOptions["env"]>): Record<string, string> {
  const token = env["MLFLOW_TRACKING_TOKEN"];
  if (token) return { authorization: `Bearer ${token}` };
  const { MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password } = env;
  if (!user || !password) return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

async function readLimited(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    if ((bytes += part.length) > MOST_BYTES) throw new Error(`over ${MOST_BYTES} bytes`);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** In few words, and without what a server or a URL may have put into a message. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError || error instanceof SyntaxError) return "an unexpected answer";
  if (!(error instanceof Error)) return "an unknown problem";
  if (error.name === "TimeoutError") return "no answer in time";
  return error instanceof TypeError ? "no connection" : error.message;
}

/** Asks nothing before the first scalars come. */
export function openMlflow(options: MlflowOptions): Tracker {
  const { batch = 100, flushMs = 5000, timeoutMs = 5000, env = process.env } = options;
  const root = options.uri.replace(/\/+$/, "");
  const waiting: Metric[] = [];
  let runId: string | undefined;
  let sent = Date.now();
  let off = false;

  const request = async (
    path: string,
    body: unknown,
    allowed: readonly number[] = [],
  ): Promise<unknown> => {
    const response = await fetch(`${root}/api/2.0/mlflow/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { "content-type": "application/json", ...authorization(env) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await readLimited(response);
    if (allowed.includes(response.status)) return undefined;
    if (!response.ok) throw new Error(`status ${response.status}`);
    return JSON.parse(text === "" ? "{}" : text);
  };

  const startRun = async (): Promise<string> => {
    const name = encodeURIComponent(options.experiment);
    const found = await request(
      `experiments/get-by-name?experiment_name=${name}`,
      undefined,
      [404],
    );
    const experiment_id =
      found === undefined
        ? Created.parse(await request("experiments/create", { name: options.experiment }))
            .experiment_id
        : Experiment.parse(found).experiment.experiment_id;
    const started = await request("runs/create", {
      experiment_id,
      run_name: options.runName,
      start_time: Date.now(),
    });
    const { run_id } = Run.parse(started).run.info;
    const params = Object.entries(options.params)
      .slice(0, MOST_PARAMS)
      .map(([key, text]) => ({ key, value: text.slice(0, MOST_CHARACTERS) }));
    await request("runs/log-batch", { run_id, params });
    return run_id;
  };

  /** Sends what waits; answers in words when that fails for the first time, which is also the last. */
  const flush = async (last?: { status: string }): Promise<string | undefined> => {
    if (off) return undefined;
    try {
      runId ??= await startRun();
      for (const metrics = waiting.splice(0); metrics.length > 0;)
        await request("runs/log-batch", {
          run_id: runId,
          metrics: metrics.splice(0, MOST_METRICS),
        });
      if (last) await request("runs/update", { run_id: runId, end_time: Date.now(), ...last });
      sent = Date.now();
      return undefined;
    } catch (error) {
      off = true;
      return `MLflow at ${new URL(root).host} failed (${reasonOf(error)}): training goes on, and is not logged there any more`;
    }
  };

  return {
    async log(step, scalars) {
      if (off) return undefined;
      const timestamp = Date.now();
      for (const [key, number] of Object.entries(scalars))
        if (Number.isFinite(number)) waiting.push({ key, value: number, timestamp, step });
      return waiting.length >= batch || timestamp - sent >= flushMs ? flush() : undefined;
    },
    close: (outcome) =>
      flush({ status: { finished: "FINISHED", failed: "FAILED", stopped: "KILLED" }[outcome] }),
  };
}

/** The trackers that a recipe asks for, for one of its stages with the settings `config`. */
export function recipeTrackers(recipe: Recipe, stage: StageName, config: object): Tracker[] {
  const { mlflow } = recipe.tracking;
  if (!mlflow) return [];
  const params = Object.fromEntries(
    Object.entries({ ...config, seed: recipe.seed }).map(([key, setting]) => [
      key,
      typeof setting === "string" ? setting : JSON.stringify(setting),
    ]),
  );
  return [openMlflow({ ...mlflow, runName: `${recipe.name} ${stage}`, params })];
}
