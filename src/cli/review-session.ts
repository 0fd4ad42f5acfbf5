/** A person at a terminal judges one item after another; what was said of each is stored at once. */
import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import { TwainError } from "../core/errors.ts";
import type { ReviewItem } from "../data/review/review-item.ts";
import type { Verdict } from "../data/review/put-verdict.ts";
import type { Page } from "./page.ts";
import { itemLines } from "./review-text.ts";

const HELP = `  a  accept       r  reject       e  edit       s  skip       q  quit
  One or two numbers from 1 to 5 after the letter say how good the voice is, and the wit; what follows is a note:
  "a 4 2", "r 1 sounds like a bank", "e 5". Numbers alone accept. Nothing but Enter skips.
`;
const WORDS: Record<string, Verdict["verdict"] | "skip" | "quit"> = {
  a: "accept",
  r: "reject",
  e: "edit",
  s: "skip",
  q: "quit",
};

export type Reply =
  | { type: "skip" | "quit" | "unclear" }
  | ({ type: "verdict" } & Verdict & { verdict: NonNullable<Verdict["verdict"]> });

/** `"r 1 sounds like a bank"` → rejected, voice 1, with a note. */
export function readReply(line: string): Reply {
  const parts = line.trim().split(/\s+/);
  const [first = ""] = parts;
  if (first === "") return { type: "skip" };
  const letter = first.toLowerCase();
  const scored = /^[1-5]$/.test(first);
  const name = Object.values(WORDS).find((word) => word === letter);
  const word = scored ? "accept" : (WORDS[letter] ?? name);
  if (word === undefined) return { type: "unclear" };
  if (word === "skip" || word === "quit")
    return parts.length === 1 ? { type: word } : { type: "unclear" };
  const rest = scored ? parts : parts.slice(1);
  const scores: number[] = [];
  while (scores.length < 2 && /^[1-5]$/.test(rest[0] ?? "")) scores.push(Number(rest.shift()));
  // "a 7" was meant as a score.
  if (/^\d+$/.test(rest[0] ?? "")) return { type: "unclear" };
  const note = rest.join(" ");
  const [voice, wit] = scores;
  return {
    type: "verdict",
    verdict: word,
    ...(voice !== undefined && { voice }),
    ...(wit !== undefined && { wit }),
    ...(note !== "" && { note }),
  };
}

export interface SessionOptions {
  input: Readable;
  output: Writable;
  page: Page;
  /** Stores a verdict; throws `data/bad-review` for a text that the item cannot have. */
  save: (item: ReviewItem, verdict: Verdict) => Promise<unknown>;
  signal: AbortSignal;
}

/** Asks about every item until there are no more, or the person quits; returns how many were judged. */
export async function reviewSession(
  items: readonly ReviewItem[],
  { input, output, page, save, signal }: SessionOptions,
): Promise<number> {
  const terminal = createInterface({ input, output });
  // In a terminal Ctrl-C comes as a key, and what was said until then is stored.
  terminal.on("SIGINT", () => terminal.close());
  let closed = false;
  terminal.once("close", () => (closed = true));
  const lines = terminal[Symbol.asyncIterator]();
  const ended = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  /** Undefined at the end of the input, and when interrupted. */
  const ask = async (prompt: string): Promise<string | undefined> => {
    if (signal.aborted) return undefined;
    // Lines that came before the end of the input are still to be had.
    if (!closed) {
      terminal.setPrompt(prompt);
      terminal.prompt();
    }
    const next = await Promise.race([lines.next(), ended]);
    return next?.done === false ? next.value : undefined;
  };
  /** Lines up to one that holds a dot alone; undefined where there is nothing before it. */
  const askText = async (): Promise<string | undefined> => {
    output.write("  The new text, ended by a line with nothing but a dot:\n");
    const text: string[] = [];
    for (let line = await ask(""); line !== "."; line = await ask("")) {
      if (line === undefined) return undefined;
      text.push(line);
    }
    return text.join("\n").trim() || undefined;
  };

  let judged = 0;
  try {
    output.write(HELP);
    for (const [i, item] of items.entries()) {
      output.write(`\n${i + 1}/${items.length}  ${itemLines(item, page).join("\n")}\n`);
      for (let open = true; open;) {
        const line = await ask("  a r e s q > ");
        const reply: Reply = line === undefined ? { type: "quit" } : readReply(line);
        if (reply.type !== "verdict") {
          if (reply.type === "quit") return judged;
          open = reply.type === "unclear";
          if (open) output.write(HELP);
          continue;
        }
        open = false;
        const { type: _, ...verdict } = reply;
        const text = verdict.verdict === "edit" ? await askText() : undefined;
        // An edit that was thought better of: the item is asked about again.
        if (verdict.verdict === "edit" && text === undefined) {
          open = true;
          continue;
        }
        try {
          await save(item, { ...verdict, ...(text !== undefined && { text }) });
          judged++;
        } catch (error) {
          if (!(error instanceof TwainError) || error.code !== "data/bad-review") throw error;
          output.write(`  ${error.message}. ${error.hint ?? ""}\n`);
          open = true;
        }
      }
    }
    return judged;
  } finally {
    terminal.close();
  }
}
