/** What a kind of model-written data is: a plan of texts, how each is asked for, and what makes it a row. */
import type { z } from "zod";
import type { Message, ToolDefinition } from "../../core/chat.ts";
import type { Domain, Persona } from "../../core/conversation.ts";
import type { Document, DocumentKind } from "../../core/document.ts";
import type { Random } from "../../core/random.ts";
import type { Simulator } from "../synth/simulator.ts";
import type { SynthSources } from "../synth/synth-sources.ts";
import type { FailureClass } from "./endpoint.ts";
import type { Prompt } from "./prompt.ts";

/** Why an answer is no text: it counts as a drop, and the text may be asked for again. */
export class Unusable extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** Ends a task: its request failed, or is over the budget. */
export class Unanswered extends Error {
  readonly reason: `failed: ${FailureClass}` | "not asked: budget";
  constructor(reason: Unanswered["reason"]) {
    super(reason);
    this.reason = reason;
  }
}

/** Sends one prompt and parses the JSON of the answer. Throws Unusable and Unanswered. */
export type Ask = <S extends z.ZodType>(
  prompt: Prompt,
  values: Readonly<Record<string, string | number>>,
  schema: S,
) => Promise<z.output<S>>;

interface Lesson {
  persona: Persona;
  domain: Domain;
  template: string;
  /** Rows with one key stay on one side of the split. */
  splitKey: string;
  tools?: ToolDefinition[];
}
/** A row but for its label: id, licence, parents and who wrote it. */
export interface RowDraft extends Lesson {
  messages: Message[];
}
export interface PairDraft extends Lesson {
  prompt: Message[];
  chosen: Message[];
  rejected: Message[];
}

/** What a text became; a pair is offered to whoever makes preference data. */
export type Outcome = { row: RowDraft } | { pair: PairDraft } | { reason: string };

/** One thing that is asked for: a text, or several in one answer. */
export interface WrittenTask {
  /** `written:hybrid:get_weather:12/0`; the same for the same plan. */
  id: string;
  /** What its texts are: decides which rules of curation they meet. */
  kind: DocumentKind;
  /** Whose words they are; a question and a bad answer are nobody's. */
  persona: Persona;
  /** Ids of the documents that the prompt quotes. */
  parents: readonly string[];
  /** Of what the prompt quotes. */
  licence: string;
  /** What the prompt says: words and digits of it are the model's to use. */
  given: string;
  /** The text that an answer may not repeat, such as the one to be said otherwise. */
  source?: string;
  /** How many texts it can give; one where left out. */
  texts?: number;
  write(ask: Ask): Promise<readonly string[]>;
  /** Makes a row of the text with that number, or says why not. Its label is put on by the caller. */
  finish(text: string, number: number): Promise<Outcome>;
}

/** What tasks are planned from. */
export interface WrittenSources extends SynthSources {
  /** As curation left them. */
  documents: readonly Document[];
  /** Each voice in words, for prompts. */
  voiceTexts: Readonly<Record<Persona, string>>;
  /** Uses the weather tools as they were at a moment. */
  at<T>(now: Date, use: (simulator: Simulator) => Promise<T>): Promise<T>;
  signal: AbortSignal;
}

export interface WrittenKind {
  name: string;
  /** Names of files under corpus/prompts/. */
  prompts: readonly string[];
  /** Requests that one try of a task makes at most. */
  requests: number;
  /** Where its texts are no rows: they are not counted against the cap. */
  offers?: "pairs";
  /** Tasks for at most `count` texts, the same whatever else is planned. */
  plan(
    sources: WrittenSources,
    prompts: Readonly<Record<string, Prompt>>,
    count: number,
    random: Random,
  ): WrittenTask[];
}
