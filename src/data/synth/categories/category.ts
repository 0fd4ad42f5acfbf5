/** A `Category` of tool episodes: what it says, what is on offer, and how one is drawn. */
import type { ToolDefinition } from "../../../core/chat.ts";
import type { EpisodeCategory, Persona } from "../../../core/conversation.ts";
import type { Random } from "../../../core/random.ts";
import { WEATHER_TOOLS } from "../../../weather/tools.ts";
import type { Template } from "../ask.ts";
import { DISTRACTORS } from "../distractors.ts";
import type { Exchange, ExchangeSources, Talk } from "../exchanges.ts";

/** What an episode is drawn from. */
export interface CategoryContext {
  /** Phrasings that the row may use for what is said last. */
  sources: ExchangeSources;
  /** Phrasings of the training side, for what was said before. */
  earlier: ExchangeSources;
  talk: Talk;
  /** The category's own phrasings. */
  templates: readonly Template[];
}

export interface Drawn {
  exchanges: readonly Exchange[];
  tools: readonly ToolDefinition[];
  /** The date that the system message states. */
  today?: string;
  /** Where it is not the talk's. */
  persona?: Persona;
}

export interface Category {
  readonly name: EpisodeCategory;
  /** Phrasings of its own; empty where it uses those of `corpus/`. */
  readonly train: readonly string[];
  /** For evaluation cases alone. */
  readonly heldout: readonly string[];
  /** Whether evaluation has a slice of it. */
  readonly measured: boolean;
  draw(context: CategoryContext): Promise<Drawn>;
}

/** Some distractors, never the same few. */
export const someDistractors = (random: Random, low: number, high: number): ToolDefinition[] =>
  random.shuffle(DISTRACTORS).slice(0, random.integer(low, high));

/** The weather tools that were called, now and then with others of them. */
export function weatherTools(called: readonly string[], random: Random): ToolDefinition[] {
  if (random.next() < 0.6) return [...WEATHER_TOOLS];
  const needed = WEATHER_TOOLS.filter((tool) => called.includes(tool.name));
  const others = random.shuffle(WEATHER_TOOLS.filter((tool) => !called.includes(tool.name)));
  return random.shuffle([...needed, ...others.slice(0, random.integer(0, 1))]);
}

/** Now and then a unit is asked for, as a sentence after the question and as an argument. */
export function someUnits(random: Random): { after: string; argument: { units?: string } } {
  if (random.next() >= 0.2) return { after: "", argument: {} };
  const unit = random.pick(["Celsius", "Fahrenheit"]);
  const after = random.pick([` In ${unit}, please.`, ` Use ${unit}.`, ` Give it in ${unit}.`]);
  return { after, argument: { units: unit.toLowerCase() } };
}

/** "Boston, Reno and Oslo". */
export const listed = (names: readonly string[], word = "and"): string =>
  `${names.slice(0, -1).join(", ")} ${word} ${names.at(-1)}`;
