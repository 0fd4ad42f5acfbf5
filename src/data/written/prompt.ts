/** Prompts: one file each under corpus/prompts/, a part `# system` and a part `# user` with `{slots}`. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Persona } from "../../core/conversation.ts";
import { TwainError } from "../../core/errors.ts";
import { hashFile, sha256 } from "../../core/hash.ts";
import { packageRoot } from "../../core/package-root.ts";

export interface Prompt {
  /** `hybrid@1f2e3d4c`: the file's name and the beginning of its hash. */
  version: string;
  system: string;
  user: string;
}

export interface PromptMessage {
  role: "system" | "user";
  content: string;
}

const FORMAT = /^# system\n([\s\S]+?)\n# user\n([\s\S]+)$/;

export const promptFolder = (): string => join(packageRoot(), "corpus", "prompts");

/** Name and hash of every prompt. */
export async function promptHashes(): Promise<(readonly [name: string, sha256: string])[]> {
  const names = (await readdir(promptFolder())).filter((name) => name.endsWith(".md")).toSorted();
  return Promise.all(
    names.map(async (name) => [name, (await hashFile(join(promptFolder(), name))).sha256] as const),
  );
}

/** Throws `data/bad-corpus` for a file without its two parts. */
export async function loadPrompt(name: string): Promise<Prompt> {
  const path = join(promptFolder(), `${name}.md`);
  const text = (await readFile(path, "utf8")).replaceAll("\r\n", "\n");
  const [, system, user] = FORMAT.exec(text) ?? [];
  if (system === undefined || user === undefined)
    throw new TwainError("data/bad-corpus", `${path} has no "# system" and "# user" parts`);
  return {
    version: `${name}@${sha256(text).slice(0, 8)}`,
    system: system.trim(),
    user: user.trim(),
  };
}

/** The messages of a request. What fills a slot is not searched for slots. Throws a plain Error for one without a value. */
export function fillPrompt(
  prompt: Prompt,
  values: Readonly<Record<string, string | number>>,
): PromptMessage[] {
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (slot, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`no value for ${slot} in ${prompt.version}`);
      return String(value);
    });
  return [
    { role: "system", content: fill(prompt.system) },
    { role: "user", content: fill(prompt.user) },
  ];
}

/** Each voice in words: corpus/prompts/voice-*.md. */
export async function voiceTexts(): Promise<Record<Persona, string>> {
  const read = async (persona: Persona): Promise<string> =>
    (await readFile(join(promptFolder(), `voice-${persona}.md`), "utf8")).trim();
  return {
    twain: await read("twain"),
    franklin: await read("franklin"),
    neutral: await read("neutral"),
  };
}
