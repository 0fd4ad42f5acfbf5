/**
 * Short exercises for a base model from scratch: say this again (30 %), and say what this message
 * tells (70 %). Copying a name letter by letter and reading a value out of JSON are the two skills
 * that calling a tool and answering from its result are made of. No tool call is among them.
 */
import type { Conversation } from "../../core/conversation.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import type { Template, WeatherToolName } from "./ask.ts";
import { drawCopy, drawEcho } from "./drill-copy.ts";
import { drawRead } from "./drill-read.ts";
import type { MissingTemplate } from "./missing.ts";
import type { Voices } from "./voices.ts";

export interface Drill {
  kind: string;
  user: string;
  answer: string;
}

export interface DrillSources {
  /** Those that training may name. */
  places: readonly Place[];
  /** Phrasings of training, whose place and time are to be picked out. */
  questions: readonly { tool: WeatherToolName; template: Template }[];
  /** Messages of training that name no place, and that ask for no weather. */
  messages: { missing: readonly MissingTemplate[]; banter: readonly string[] };
  /** What the adapter will have to read and write, so that the base has met each of them. */
  words: readonly string[];
  voices: Voices;
}

const LINEAGE = { licence: "CC0-1.0", generator: "twainbot-drills" };
const TAGS = { persona: "neutral", source: "drills", synthetic: true } as const;

const turns = (drill: Drill): Conversation["messages"] => [
  { role: "user", content: drill.user },
  { role: "assistant", content: drill.answer },
];

/** `count` rows of words and names to be said again (domain "echo"): where copying is learnt first. */
export function* makeEchoes(
  sources: DrillSources,
  options: { count: number; random: Random },
): Generator<Conversation> {
  for (let i = 0; i < options.count; i++) {
    yield {
      id: `echo-${String(i).padStart(6, "0")}`,
      messages: turns(drawEcho(options.random, sources)),
      tags: { ...TAGS, domain: "echo" },
      meta: { ...LINEAGE, parents: [], template: "echo", split_key: `echo:${i}` },
    };
  }
}

/** Yields exactly `count` rows, 30 of every 100 copying. */
export function* makeDrills(
  sources: DrillSources,
  options: { count: number; random: Random },
): Generator<Conversation> {
  const { random } = options;
  for (let i = 0; i < options.count; i++) {
    // A fixed pattern rather than a draw, so that the mix is exact.
    const copy = (i * 3) % 10 < 3;
    const drill = copy ? drawCopy(random, sources) : drawRead(random, sources);
    yield {
      id: `drill-${String(i).padStart(6, "0")}`,
      messages: turns(drill),
      tags: { ...TAGS, domain: "drill" },
      meta: {
        ...LINEAGE,
        parents: [],
        template: `${copy ? "copy" : "read"}:${drill.kind}`,
        split_key: `drill:${i}`,
      },
    };
  }
}
