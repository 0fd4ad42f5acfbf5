/** Written texts through the steps of curation, in a ledger of their own, to rows and pairs. */
import type { Conversation, WrittenBy } from "../../core/conversation.ts";
import type { Document } from "../../core/document.ts";
import { sha256 } from "../../core/hash.ts";
import type { Preference } from "../../core/preference.ts";
import { WRITTEN } from "../dataset-stats.ts";
import { type Ledger, type LedgerLine, openLedger } from "../ledger.ts";
import {
  type Judgement,
  type Step,
  type StepGroup,
  drop,
  eachDocument,
  keep,
  runPipeline,
  stepNames,
} from "../pipeline.ts";
import { copiesStep } from "./copies.ts";
import { type TaskResult, problemOf } from "./write-texts.ts";

/** A judgement for each task: its texts, or why it has none. */
function answersStep(results: readonly TaskResult[]): Step {
  return {
    name: "write",
    async *run(documents): AsyncGenerator<Judgement> {
      let at = 0;
      for await (const document of documents) {
        const { reason, texts, answer, label } = results[at++]!;
        const numbers = label && { tries: label.sample + 1 };
        const [only, second] = texts;
        if (reason !== undefined || only === undefined)
          yield drop({ ...document, text: answer ?? "" }, reason ?? "empty answer", numbers);
        else if (second === undefined)
          yield keep({ ...document, text: only, sha256: sha256(only) }, numbers);
        else
          yield {
            type: "chunks",
            document,
            chunks: texts.map((text, i) => ({
              ...document,
              id: `${document.id}#${i + 1}`,
              text,
              sha256: sha256(text),
            })),
            ...(numbers && { numbers }),
          };
      }
    },
  };
}

/** `written:paraphrase:get_weather:1/0#2` → the task's id and 1. */
function taskOf(id: string): { task: string; number: number } {
  const [, task, number] = /^(.*)#(\d+)$/s.exec(id) ?? [];
  return task === undefined ? { task: id, number: 0 } : { task, number: Number(number) - 1 };
}

export interface JudgedTexts {
  rows: Conversation[];
  pairs: Preference[];
  /** The ledger of everything that was asked for. */
  lines: LedgerLine[];
  dropped: Record<string, number>;
  tallies: ReturnType<Ledger["tallies"]>;
  /** Every text that was asked for, as it was kept or dropped. */
  texts: Document[];
}

/** A record for a task before it has its text. */
function recordOf({ task, label }: TaskResult, model: string, terms: string): Document {
  return {
    id: task.id,
    kind: task.kind,
    text: "",
    source: "written",
    licence: `${task.licence}; written by ${model}: ${terms}`,
    sha256: sha256(""),
    synthetic: true,
    extra: {
      persona: task.persona,
      model,
      terms,
      ...(label && { prompt: label.prompt, sample: label.sample, request: label.request }),
      ...(label?.served !== undefined && { served: label.served }),
    },
  };
}

/** `steps` are those that collected texts go through; `corpus` is what a text may not repeat. */
export async function judgeTexts(
  results: readonly TaskResult[],
  options: {
    corpus: readonly Document[];
    steps: readonly (Step | StepGroup)[];
    model: string;
    terms: string;
    /** A folder for what waits on disk. */
    scratch: string;
    signal: AbortSignal;
  },
): Promise<JudgedTexts> {
  const { corpus, steps, model, terms, scratch, signal } = options;
  const byTask = new Map(results.map((result) => [result.task.id, result]));
  const resultOf = (document: Document): TaskResult => byTask.get(taskOf(document.id).task)!;
  const records = results.map((result) => recordOf(result, model, terms));
  const rows: Conversation[] = [];
  const pairs: Preference[] = [];

  const voice = eachDocument("voice", (document) => {
    const problem = problemOf(document.text, resultOf(document).task);
    return problem === undefined ? keep(document) : drop(document, problem);
  });
  const finish: Step = {
    name: "finish",
    async *run(documents) {
      for await (const document of documents) {
        signal.throwIfAborted();
        const { task, label } = resultOf(document);
        const outcome = await task.finish(document.text, taskOf(document.id).number);
        if ("reason" in outcome) {
          yield drop(document, outcome.reason);
          continue;
        }
        const draft = "row" in outcome ? outcome.row : outcome.pair;
        const written: WrittenBy = {
          model,
          ...(label!.served !== undefined && { served: label!.served }),
          prompt: label!.prompt,
          sample: label!.sample,
          request: label!.request,
          terms,
        };
        const common = {
          id: `row-${document.id}`,
          ...(draft.tools && { tools: draft.tools }),
          tags: {
            persona: draft.persona,
            domain: draft.domain,
            source: "written",
            synthetic: true,
          },
          meta: {
            parents: [document.id, ...task.parents],
            licence: document.licence,
            generator: WRITTEN,
            template: draft.template,
            written,
            split_key: draft.splitKey,
          },
        };
        if ("row" in outcome) rows.push({ ...common, messages: outcome.row.messages });
        else {
          const { prompt, chosen, rejected } = outcome.pair;
          pairs.push({ ...common, prompt, chosen, rejected });
        }
        yield keep(document);
      }
    },
  };

  async function* given(): AsyncGenerator<Document> {
    yield* records;
  }
  const all = [
    answersStep(results),
    voice,
    ...steps,
    copiesStep(corpus, (document) => resultOf(document).task.source),
    finish,
  ];
  const ledger = await openLedger(scratch, stepNames(all));
  const kept = new Map<string, string>();
  const lines: LedgerLine[] = [];
  try {
    for await (const { id, text } of runPipeline(all, given(), ledger)) kept.set(id, text);
    for await (const line of ledger.lines()) lines.push(line);
  } finally {
    await ledger.remove();
  }
  const record = new Map(records.map((each) => [each.id, each]));
  const texts = lines.map(({ id, text: dropped }) => {
    const text = kept.get(id) ?? dropped ?? "";
    return { ...record.get(taskOf(id).task)!, id, text, sha256: sha256(text) };
  });
  return { rows, pairs, lines, dropped: ledger.dropped(), tallies: ledger.tallies(), texts };
}
