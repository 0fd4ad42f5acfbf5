/** All synthetic rows of a run: tool episodes, instructions from documents, drills, evaluation cases. */
import type { Conversation } from "../../core/conversation.ts";
import type { Document } from "../../core/document.ts";
import type { Preference } from "../../core/preference.ts";
import { createRandom } from "../../core/random.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { ToolCase } from "../../core/tool-case.ts";
import { makePairs } from "../preference/make-pairs.ts";
import { makeCases, questionKey } from "./cases.ts";
import { makeDrills, makeEchoes } from "./drills.ts";
import { makeEpisodes } from "./episodes.ts";
import { withFormTag } from "./control-tags.ts";
import { makeLessons } from "./lessons.ts";
import { makeInstructions, makePlainText } from "./instructions.ts";
import type { RowWorld } from "./simulator.ts";
import { knownWords } from "./known-words.ts";
import { byTool, onTrainSide, phrasingsOf } from "./question-templates.ts";
import { openSynthSources } from "./synth-sources.ts";

export type Synthesized =
  | { to: "dataset"; row: Conversation; world?: RowWorld }
  | { to: "base"; row: Conversation }
  | { to: "cases"; row: ToolCase }
  | { to: "preference"; row: Preference }
  | { to: "progress"; label: string; done: number; total?: number }
  /** A row that failed its checks, was made twice, or asks what a case asks. */
  | { to: "rejected"; reason: string; row?: Conversation; sameAs?: string };

/** The last thing that the user says; of a row's earlier exchanges no case asks. */
const lastSaid = (row: Conversation | ToolCase): string =>
  questionKey(row.messages.findLast((message) => message.role === "user")?.content ?? "");

/**
 * Yields everything that the curate stage writes beside the documents themselves. The same
 * documents, config and seed give the same rows in the same order.
 */
export async function* synthesize(
  documents: Iterable<Document> & { readonly length: number },
  options: {
    config: Recipe["curate"];
    seed: number;
    wantBase: boolean;
    /** Rows that a model wrote; they come after those from documents. */
    written?: readonly Conversation[];
    signal: AbortSignal;
  },
): AsyncGenerator<Synthesized> {
  const { config, signal } = options;
  const random = createRandom(options.seed).fork("synthesize");
  const { voices, world, split, splitKeys } = await openSynthSources(config, options.seed);

  const reserved = new Set<string>();
  const cases = makeCases({
    voices,
    split,
    world,
    count: config.episodes.cases,
    random: random.fork("cases"),
    signal,
  });
  for await (const row of cases) {
    reserved.add(lastSaid(row));
    yield { to: "cases", row };
  }
  /** Training never asks what the evaluation asks. */
  const admit = (row: Conversation, made?: RowWorld): Synthesized =>
    reserved.has(lastSaid(row))
      ? { to: "rejected", reason: "asked-in-cases", row }
      : { to: "dataset", row, ...(made && { world: made }) };

  let done = 0;
  const total = config.episodes.train;
  const episodes = makeEpisodes(
    { voices, places: split.train, world },
    {
      count: total,
      dialogues: config.episodes.dialogues,
      splitKeys,
      mix: config.episodes.mix,
      renamed: config.episodes.renamed,
      random: random.fork("episodes"),
      signal,
    },
  );
  for await (const item of episodes) {
    if (++done % 500 === 0) yield { to: "progress", label: "episodes", done, total };
    yield item.to === "dataset" ? admit(item.row, item.world) : item;
  }

  if (config.preference)
    yield* makePairs(
      { voices, places: split.train, world },
      { counts: config.preference, splitKeys, random: random.fork("preference"), signal },
    );

  const instructions = makeInstructions(documents, {
    ...config.instructions,
    random: random.fork("instructions"),
  });
  const { tagged, written, maxPerTemplate } = config.instructions;
  const tags = random.fork("form tags");
  for (const row of instructions) {
    signal.throwIfAborted();
    yield admit(withFormTag(row, tagged, tags));
  }
  const lessons = makeLessons(
    { voices, places: split.train, random: random.fork("lessons") },
    { count: written, maxPerTemplate, world, signal },
  );
  for await (const row of lessons) yield admit(withFormTag(row, tagged, tags));
  yield { to: "progress", label: "instructions", done: documents.length, total: documents.length };
  for (const row of options.written ?? []) yield admit(row);

  if (!options.wantBase) return;
  const said = onTrainSide(phrasingsOf(voices, "train"), splitKeys);
  const drillSources = {
    places: split.train,
    questions: byTool(said.questions),
    messages: { missing: said.missing, banter: said.banter.map(({ text }) => text) },
    words: knownWords(voices),
    voices,
  };
  const drills = makeDrills(drillSources, { count: config.drills, random: random.fork("drills") });
  const echoes = makeEchoes(drillSources, {
    count: Math.ceil(config.drills / 2),
    random: random.fork("echoes"),
  });
  for (const rows of [echoes, drills]) {
    for (const row of rows) {
      signal.throwIfAborted();
      yield { to: "base", row };
    }
  }
  for (const row of makePlainText(documents)) yield { to: "base", row };
  yield { to: "progress", label: "drills", done: config.drills, total: config.drills };
}
