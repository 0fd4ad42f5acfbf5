/**
 * Short exercises for a base model from scratch: say this again (45 %), and say what this message
 * tells (55 %). Copying a name letter by letter and reading a value out of JSON are the two skills
 * that calling a tool and answering from its result are made of. No tool call is among them.
 */
import type { Conversation } from "../../core/conversation.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { drawCopy } from "./drill-copy.ts";
import { drawRead } from "./drill-read.ts";

export interface Drill {
  kind: string;
  user: string;
  answer: string;
}

/** Yields exactly `count` rows, 45 of every 100 copying. `places` are those that training may name. */
export function* makeDrills(options: {
  count: number;
  places: readonly Place[];
  random: Random;
}): Generator<Conversation> {
  const { places, random } = options;
  for (let i = 0; i < options.count; i++) {
    // A fixed pattern rather than a draw, so that the mix is exact: 9 of every 20.
    const copy = (i * 9) % 20 < 9;
    const drill = copy ? drawCopy(random, places) : drawRead(random, places);
    yield {
      id: `drill-${String(i).padStart(6, "0")}`,
      messages: [
        { role: "user", content: drill.user },
        { role: "assistant", content: drill.answer },
      ],
      tags: { persona: "neutral", domain: "drill", source: "drills", synthetic: true },
      meta: {
        parents: [],
        licence: "CC0-1.0",
        generator: "twainbot-drills",
        template: `${copy ? "copy" : "read"}:${drill.kind}`,
        split_key: `drill:${i}`,
      },
    };
  }
}
