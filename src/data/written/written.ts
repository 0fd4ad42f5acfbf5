/**
 * Data that a language model writes, as a part of curation: what to ask for is planned, asked for or read from the
 * cache, and then judged by the same steps, and told of in the same ledger, as any collected text.
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { appendText, writeFileAtomic } from "../../core/atomic-file.ts";
import type { Conversation } from "../../core/conversation.ts";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import type { RunEvent } from "../../core/events.ts";
import { writeJsonl } from "../../core/jsonl.ts";
import type { Preference } from "../../core/preference.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { RunDir } from "../../core/run-dir.ts";
import type { WrittenConfig } from "../../core/written-config.ts";
import type { WrittenStats } from "../dataset-stats.ts";
import type { LedgerLine } from "../ledger.ts";
import type { Step, StepGroup } from "../pipeline.ts";
import { openSynthSources } from "../synth/synth-sources.ts";
import { openAnswerCache } from "./answer-cache.ts";
import { costOf, createBudget } from "./budget.ts";
import { endpointKey, openEndpoint } from "./endpoint.ts";
import { writtenKinds } from "./index.ts";
import { judgeTexts } from "./judge-texts.ts";
import { type PlannedText, cappedCounts, planTexts } from "./plan-texts.ts";
import { voiceTexts } from "./prompt.ts";
import { type FailedRequest, type TaskResult, writeTexts } from "./write-texts.ts";
import { openSimulators } from "./simulators.ts";
import type { WrittenSources } from "./written-kind.ts";

export interface WrittenData {
  rows: Conversation[];
  pairs: Preference[];
  lines: LedgerLine[];
  /** Drops by `step: reason`. */
  dropped: Record<string, number>;
  stats: WrittenStats;
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);

/** Throws `data/endpoint-off` where the endpoint is on another machine and the recipe's network is off. */
export function checkEndpoint({ endpoint }: WrittenConfig, network: boolean): void {
  const { hostname } = new URL(endpoint.url);
  if (network || isLoopback(hostname)) return;
  throw new TwainError(
    "data/endpoint-off",
    `curate.written asks ${hostname}, and data.network is false`,
    { hint: "Set data.network=true, or use an endpoint on this machine." },
  );
}

const Failed = z.object({ request: z.string(), attempts: z.number() });

/** Attempts of the requests that failed before, by request. A line that a kill cut short counts as not there. */
async function readFailures(path: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const line of (await readFile(path, "utf8").catch(() => "")).split("\n")) {
    try {
      const { request, attempts } = Failed.parse(JSON.parse(line));
      found.set(request, attempts);
    } catch {
      continue;
    }
  }
  return found;
}

export interface WrittenOptions {
  curate: Recipe["curate"];
  config: WrittenConfig;
  /** What collected texts go through. */
  steps: readonly (Step | StepGroup)[];
  seed: number;
  dir: RunDir;
  env: Readonly<Record<string, string | undefined>>;
  fetch: typeof fetch;
  signal: AbortSignal;
}

/** Of each kind: how many texts were planned and kept, and why the others were not. */
function countKinds(
  lines: readonly LedgerLine[],
  planned: readonly PlannedText[],
): WrittenStats["kinds"] {
  const kinds: WrittenStats["kinds"] = {};
  const kindOf = new Map(planned.map(({ kind, task }) => [task.id, kind.name]));
  for (const { kind, task } of planned)
    (kinds[kind.name] ??= { texts: 0, kept: 0, dropped: {} }).texts += task.texts ?? 1;
  for (const { id, chunks, verdicts } of lines) {
    if (chunks) continue;
    const counts = kinds[kindOf.get(id) ?? kindOf.get(id.replace(/#\d+$/, "")) ?? ""];
    const last = verdicts.at(-1);
    if (!counts || !last) continue;
    if (last.verdict === "keep") counts.kept++;
    else {
      const reason = `${last.step}: ${last.reason}`;
      counts.dropped[reason] = (counts.dropped[reason] ?? 0) + 1;
    }
  }
  return kinds;
}

/**
 * The rows and pairs that a model wrote, and the ledger of everything that was asked for. Writes `curate/written.jsonl`
 * and `curate/failures.jsonl`. Throws `curate/no-human-corpus`, `data/endpoint-…` and `curate/nothing-written`.
 */
export async function* writeData(
  documents: readonly Document[],
  options: WrittenOptions,
): AsyncGenerator<RunEvent, WrittenData> {
  const { config, dir, seed, signal } = options;
  const { model, terms } = config.endpoint;
  const notice = (message: string): RunEvent => ({
    type: "notice",
    stage: "curate",
    message: `written: ${message}`,
  });

  const people = documents.filter(({ synthetic }) => !synthetic).length;
  const { counts, asked, cap } = cappedCounts(config, people);
  if (asked > 0 && cap === 0) {
    throw new TwainError(
      "curate/no-human-corpus",
      `curate.written.cap allows ${String(config.cap)} written texts for each that a person wrote, and there are ${people} of those`,
      {
        hint: "Add a source of texts by people, such as gutenberg or files, or set curate.written.cap=off.",
      },
    );
  }
  if (asked > cap)
    yield notice(
      `${asked} texts asked for, ${cap} planned: ${people} texts by people times ${config.cap}`,
    );

  const synth = await openSynthSources(options.curate, seed);
  const sources: WrittenSources = {
    ...synth,
    documents,
    voiceTexts: await voiceTexts(),
    at: openSimulators(synth.world),
    signal,
  };
  const { planned, prompts } = await planTexts(config, counts, sources, seed);
  const kindOf = new Map(planned.map(({ kind, task }) => [task.id, kind]));
  for (const kind of writtenKinds) {
    const wanted = counts.get(kind.name) ?? 0;
    const found = planned
      .filter((each) => each.kind === kind)
      .reduce((sum, { task }) => sum + (task.texts ?? 1), 0);
    if (found < wanted)
      yield notice(
        `${kind.name}: only ${found} of ${wanted} can be asked for; there is no more to start from`,
      );
  }

  await mkdir(dirname(dir.failures), { recursive: true });
  const before = await readFailures(dir.failures);
  const budget = createBudget(config.budget, config.prices);
  const failures = new Map<string, FailedRequest>();
  const work = writeTexts(
    planned.map(({ task }) => task),
    {
      config,
      endpoint: openEndpoint({
        config,
        key: () => endpointKey(config.endpoint, options.env),
        fetch: options.fetch,
      }),
      cache: openAnswerCache(join(dirname(dir.root), ".cache", "written")),
      budget,
      requests: (task) => kindOf.get(task.id)!.requests,
      async onFailure(failure) {
        const attempts = failure.attempts + (before.get(failure.request) ?? 0);
        failures.set(failure.request, { ...failure, attempts });
        await appendText(dir.failures, `${JSON.stringify({ ...failure, attempts })}\n`);
      },
      signal,
    },
  );
  let results: TaskResult[] | undefined;
  while (!results) {
    const next = await work.next();
    if (next.done) results = next.value;
    else
      yield {
        type: "progress",
        stage: "curate",
        label: "written",
        done: next.value.done,
        total: planned.length,
      };
  }
  // Only what still fails.
  if (failures.size === 0) await rm(dir.failures, { force: true });
  else
    await writeFileAtomic(
      dir.failures,
      [...failures.values()].map((failure) => `${JSON.stringify(failure)}\n`).join(""),
    );
  const failed = results.filter(({ reason }) => reason?.startsWith("failed: ")).length;
  if (failed > planned.length * config.maxFailures) {
    const classes: Record<string, number> = {};
    for (const { class: name } of failures.values()) classes[name] = (classes[name] ?? 0) + 1;
    throw new TwainError(
      "data/endpoint-failures",
      `${failed} of ${planned.length} texts got no answer (${Object.entries(classes)
        .map(([name, count]) => `${count} ${name}`)
        .join(
          ", ",
        )}), more than ${100 * config.maxFailures} %: ${[...failures.values()].at(-1)!.message}`,
      {
        hint: "What was answered is kept: the same command asks for the rest. curate/failures.jsonl has every failure.",
      },
    );
  }

  const { texts, tallies, ...made } = await judgeTexts(results, {
    corpus: documents,
    steps: options.steps,
    scratch: dirname(dir.written),
    model,
    terms,
    signal,
  });
  await writeJsonl(dir.written, texts);
  for (const { step, kept, dropped } of tallies)
    yield { type: "tally", stage: "curate", step: `written ${step}`, kept, dropped };
  const unasked = results.filter(({ reason }) => reason === "not asked: budget").length;
  if (unasked > 0)
    yield notice(`the budget ended with ${unasked} of ${planned.length} texts not asked for`);
  const spent = budget.spent();
  const stats: WrittenStats = {
    model,
    terms,
    prompts,
    kinds: countKinds(made.lines, planned),
    requests: spent.requests,
    inputTokens: spent.input,
    outputTokens: spent.output,
    ...(config.prices && { cost: Math.round(costOf(spent, config.prices) * 1e4) / 1e4 }),
  };
  return { ...made, stats };
}
