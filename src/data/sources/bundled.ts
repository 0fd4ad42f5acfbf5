/** The texts that ship with the package: written for this project, free for any use. */
import { join } from "node:path";
import { z } from "zod";
import { Document, type DocumentKind } from "../../core/document.ts";
import { hashFile, sha256 } from "../../core/hash.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { packageRoot } from "../../core/package-root.ts";
import type { Source } from "./source.ts";

const SetName = z.enum(["twain", "franklin", "headlines", "jokes", "neutral"]);
type SetName = z.infer<typeof SetName>;

const Config = z.strictObject({ kind: z.literal("bundled"), sets: z.array(SetName).nonempty() });
type Config = z.infer<typeof Config>;

const Voice = z.strictObject({
  id: z.string(),
  kind: z.enum(["quip", "passage", "aphorism"]),
  topic: z.string(),
  text: z.string(),
});
const Headline = z.strictObject({ id: z.string(), condition: z.string(), text: z.string() });
const Joke = z.strictObject({
  id: z.string(),
  condition: z.string(),
  setup: z.string(),
  punchline: z.string(),
});
const Neutral = z.strictObject({
  id: z.string(),
  kind: z.enum(["passage", "weather-answer"]),
  topic: z.string(),
  text: z.string(),
  question: z.string().optional(),
});

/** What differs from document to document. */
interface Part {
  id: string;
  kind: DocumentKind;
  text: string;
  extra: Document["extra"];
}

const fileOf = (set: SetName): string => join(packageRoot(), "corpus", `${set}.jsonl`);

async function* rowsOf(set: SetName): AsyncGenerator<Part> {
  const path = fileOf(set);
  switch (set) {
    case "twain":
    case "franklin":
      for await (const row of readJsonl(path, Voice)) {
        // A quip is an aphorism with a grin: the rules for both are the same.
        yield {
          id: row.id,
          kind: row.kind === "passage" ? "passage" : "aphorism",
          text: row.text,
          extra: { set, persona: set, form: row.kind, topic: row.topic },
        };
      }
      return;
    case "headlines":
      for await (const row of readJsonl(path, Headline)) {
        yield {
          id: row.id,
          kind: "headline",
          text: row.text,
          extra: { set, condition: row.condition, humorous: true },
        };
      }
      return;
    case "jokes":
      for await (const row of readJsonl(path, Joke)) {
        const { setup, punchline, condition } = row;
        yield {
          id: row.id,
          kind: "joke",
          text: `${setup}\n${punchline}`,
          extra: { set, condition, setup, punchline },
        };
      }
      return;
    case "neutral":
      for await (const row of readJsonl(path, Neutral)) {
        yield {
          id: row.id,
          kind: row.kind,
          text: row.text,
          extra: {
            set,
            persona: "neutral",
            topic: row.topic,
            ...(row.question && { question: row.question }),
          },
        };
      }
  }
}

export const bundled: Source<Config> = {
  kind: "bundled",
  schema: Config,

  inputs: (config) =>
    Promise.all(config.sets.map(async (set) => (await hashFile(fileOf(set))).sha256)),

  async *collect(config, { signal }) {
    for (const [i, set] of config.sets.entries()) {
      for await (const part of rowsOf(set)) {
        signal.throwIfAborted();
        const document: Document = {
          id: `bundled:${part.id}`,
          kind: part.kind,
          text: part.text,
          source: "bundled",
          licence: "CC0-1.0",
          author: "TwainBot contributors",
          sha256: sha256(part.text),
          synthetic: true,
          extra: part.extra,
        };
        yield { type: "document", document };
      }
      yield { type: "progress", label: set, done: i + 1, total: config.sets.length };
    }
  },
};
