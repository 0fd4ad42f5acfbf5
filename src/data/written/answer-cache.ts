/** Answers on disk, one file each: what was answered is never asked again, what failed was never kept. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../core/atomic-file.ts";
import { fingerprint } from "../../core/hash.ts";

/** Everything that decides an answer, and nothing else: no key of anyone's account is in it. */
export interface AnswerKey {
  url: string;
  model: string;
  messages: readonly { role: "system" | "user"; content: string }[];
  /** Sampling parameters and whatever else the recipe adds to a request. */
  parameters: Record<string, unknown>;
  /** `hybrid@1f2e3d4c`. */
  prompt: string;
  /** 0 for the first answer to a prompt, 1 for the second. */
  sample: number;
}

export const Answer = z.object({
  content: z.string(),
  /** `stop`, `length`, `content_filter` … as the endpoint says. */
  finish: z.string(),
  /** The model that the endpoint says it ran. */
  served: z.string().optional(),
  tokens: z.object({ input: z.number(), output: z.number() }),
  /** How often the request was sent until it was answered. */
  attempts: z.number(),
});
export type Answer = z.infer<typeof Answer>;

const Entry = z.object({ key: z.unknown(), answer: Answer });

export interface AnswerCache {
  /** Undefined where it was never answered, or where its file is damaged. */
  read(key: AnswerKey): Promise<Answer | undefined>;
  write(key: AnswerKey, answer: Answer): Promise<void>;
}

/** Names the request; rows carry it, and the file of its answer is called so. */
export const requestId = (key: AnswerKey): string => fingerprint(key).slice(0, 24);

export function openAnswerCache(folder: string): AnswerCache {
  const pathOf = (key: AnswerKey): string => {
    const id = requestId(key);
    return join(folder, id.slice(0, 2), `${id}.json`);
  };
  return {
    async read(key) {
      try {
        return Entry.parse(JSON.parse(await readFile(pathOf(key), "utf8"))).answer;
      } catch {
        return undefined;
      }
    },
    write: (key, answer) =>
      writeFileAtomic(pathOf(key), `${JSON.stringify({ key, answer }, null, 1)}\n`),
  };
}
