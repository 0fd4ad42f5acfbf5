/** `twainbot review`: people judge what a run is trained on. */
import { TwainError } from "../core/errors.ts";
import { VERDICTS } from "../data/review/review.ts";
import { findItem } from "../data/review/review-item.ts";
import { putVerdict } from "../data/review/put-verdict.ts";
import { readReviews } from "../data/review/review-store.ts";
import { sampleForReview } from "../data/review/sample-reviews.ts";
import { type RunDir } from "../core/run-dir.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { findRun, readRunRecipe } from "./open-run.ts";
import { reviewSession } from "./review-session.ts";
import { itemLines, verdictText } from "./review-text.ts";
import { number, painter, widthOf } from "./terminal.ts";

const usage = (message: string, hint: string): TwainError =>
  new TwainError("cli/usage", message, { hint });

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw usage(`--${name} cannot be ${text}`, `It is a whole number from ${least} on.`);
}

function score(name: string, text: string | undefined): number | undefined {
  if (text === undefined || /^[1-5]$/.test(text)) return text === undefined ? text : Number(text);
  throw usage(`--${name} cannot be ${text}`, "It is a whole number from 1, bad, to 5, good.");
}

const json = (value: unknown): void =>
  void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

interface Given {
  verdict?: (typeof VERDICTS)[number] | undefined;
  voice?: string | undefined;
  wit?: string | undefined;
  text?: string | undefined;
  note?: string | undefined;
  by?: string | undefined;
}

async function set(
  dir: RunDir,
  id: string | undefined,
  given: Given,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof putVerdict>>> {
  if (id === undefined)
    throw usage("the id is missing", "twainbot review set episode-000123 --verdict reject");
  const { verdict, text, note, by } = given;
  const voice = score("voice", given.voice);
  const wit = score("wit", given.wit);
  if ([verdict, text, note, voice, wit].every((value) => value === undefined))
    throw usage(
      `nothing is said of ${id}`,
      "Say something: --verdict, --voice, --wit, --text or --note.",
    );
  const { name: recipe } = await readRunRecipe(dir);
  const item = await findItem(dir, id, signal);
  return putVerdict(dir, item, { verdict, voice, wit, text, note, by, recipe });
}

export const command = defineCommand(
  {
    action: {
      type: "positional",
      required: false,
      description:
        "Left out: look at a sample. set <id>: say something of one record or row. list: what was said so far",
    },
    run: {
      type: "string",
      valueHint: "DIR",
      description: "A run folder. Default: the one curated last",
    },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    of: {
      type: "enum",
      options: ["rows", "records"],
      default: "rows",
      description: "Rows of the dataset, or the texts that they are made from",
    },
    count: { type: "string", default: "20", valueHint: "N", description: "How many are drawn" },
    seed: { type: "string", default: "1", valueHint: "N", description: "Which are drawn" },
    again: { type: "boolean", description: "Also those that were judged before" },
    verdict: { type: "enum", options: [...VERDICTS], description: "For set" },
    voice: { type: "string", valueHint: "1-5", description: "For set: how good the voice is" },
    wit: { type: "string", valueHint: "1-5", description: "For set: how good the wit is" },
    text: {
      type: "string",
      valueHint: "TEXT",
      description: "For set: what the record, or the row's last answer, should say",
    },
    note: { type: "string", valueHint: "TEXT", description: "For set: why" },
    by: { type: "string", valueHint: "NAME", description: "Who says so" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    const dir = await findRun(args.run, args.runs, "curate");
    const [, id, ...more] = args._;
    if (more.length > 0) throw usage(`${more[0]} is one argument too many`, "One id at a time.");
    switch (args.action) {
      case "set": {
        const review = await set(dir, id, args, signal);
        if (args.json) json(review);
        else
          process.stdout.write(
            `${review.id}: ${verdictText(review)}. The next curate of ${dir.root} heeds it.\n`,
          );
        return 0;
      }
      case "list": {
        const { name } = await readRunRecipe(dir);
        const { byKey, damaged } = await readReviews(dir.reviews, name);
        if (args.json) json({ file: dir.reviews, reviews: [...byKey.values()], damaged });
        else {
          for (const review of byKey.values())
            process.stdout.write(
              `${review.id}  ${verdictText(review)}${review.note === undefined ? "" : `  ${review.note}`}\n`,
            );
          process.stdout.write(
            `${number(byKey.size)} reviews of ${name} in ${dir.reviews}${damaged.length > 0 ? `, and ${number(damaged.length)} lines that are none` : ""}\n`,
          );
        }
        return 0;
      }
      case undefined:
        break;
      default:
        throw usage(`twainbot review cannot ${args.action}`, "It is set, list, or left out.");
    }
    const what = args.of === "records" ? "records" : "rows";
    const { name: recipe } = await readRunRecipe(dir);
    const sampled = await sampleForReview(dir, {
      what,
      count: whole("count", args.count, 1),
      seed: whole("seed", args.seed, 0),
      again: Boolean(args.again),
      recipe,
      signal,
    });
    if (args.json) {
      json({ run: dir.root, file: dir.reviews, ...sampled });
      return 0;
    }
    const page = { width: widthOf(process.stdout), paint: painter(process.stdout) };
    const head = `${number(sampled.items.length)} of ${number(sampled.pool)} ${what} in ${dir.root}; ${number(sampled.reviewed)} were judged before\n`;
    process.stdout.write(head);
    if (!process.stdin.isTTY || !process.stdout.isTTY) {
      for (const item of sampled.items)
        process.stdout.write(`\n${itemLines(item, page).join("\n")}\n`);
      process.stdout.write(
        "\nSay something: twainbot review set <id> --verdict reject --voice 2\n",
      );
      return 0;
    }
    const judged = await reviewSession(sampled.items, {
      input: process.stdin,
      output: process.stdout,
      page,
      save: (item, verdict) =>
        putVerdict(dir, item, {
          ...verdict,
          recipe,
          ...(args.by !== undefined && { by: args.by }),
        }),
      signal,
    });
    process.stdout.write(
      `\n${number(judged)} judged. ${judged > 0 ? `The next curate of ${dir.root} heeds it: twainbot curate ${recipe}` : ""}\n`,
    );
    return 0;
  },
);
