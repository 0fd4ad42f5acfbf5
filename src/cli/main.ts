#!/usr/bin/env node
/** `twainbot`: finds the command, hears Ctrl-C, and turns whatever is thrown into one message and an exit code. */
import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TwainError } from "../core/errors.ts";
import { packageRoot } from "../core/package-root.ts";
import { nearest } from "../core/recipe-errors.ts";
import { type Command, usageOf } from "./command.ts";
import { INTERRUPTED, reportError } from "./report-error.ts";

/** Milliseconds. */
const ONE_KEYPRESS = 500;

interface Entry {
  description: string;
  load: () => Promise<{ command: Command }>;
}

/** A command is loaded only when it is asked for. */
const commands: Record<string, Entry> = {
  run: {
    description: "All stages of a recipe, skipping what is up to date",
    load: () => import("./run.ts"),
  },
  collect: {
    description: "Gather documents from the recipe's sources",
    load: () => import("./collect.ts"),
  },
  curate: {
    description: "Clean, deduplicate and split what was collected into a dataset",
    load: () => import("./curate.ts"),
  },
  train: {
    description:
      "Train or check the base, then the adapter: plain text, conversations, preferences",
    load: () => import("./train.ts"),
  },
  evaluate: {
    description: "Compare base and adapter on what they never saw",
    load: () => import("./evaluate.ts"),
  },
  inspect: {
    description: "Look at recipe, rows and token masks before training",
    load: () => import("./inspect.ts"),
  },
  why: {
    description: "The life of one record or row: source, verdicts, what it became",
    load: () => import("./why.ts"),
  },
  review: {
    description: "Judge samples of a run's rows or records; the next curate heeds it",
    load: () => import("./review.ts"),
  },
  export: {
    description: "Write a run's dataset for TRL, OpenAI, LLaMA-Factory and others",
    load: () => import("./export.ts"),
  },
  "data versions": {
    description: "The datasets that there are, with their hashes",
    load: () => import("./data-versions.ts"),
  },
  "data tag": {
    description: "Keep a run's dataset as a version",
    load: () => import("./data-tag.ts"),
  },
  "data diff": {
    description: "What changed from one dataset to another, and in the scores",
    load: () => import("./data-diff.ts"),
  },
  "data verify": {
    description: "Run a dataset's tool calls again, of a run or a version",
    load: () => import("./data-verify.ts"),
  },
  "data push": {
    description: "Upload a dataset to the Hugging Face hub",
    load: () => import("./data-push.ts"),
  },
  chat: {
    description: "Talk to a trained run in the terminal, with weather tools",
    load: () => import("./chat.ts"),
  },
  serve: {
    description: "OpenAI-compatible API and chat page on this machine",
    load: () => import("./serve.ts"),
  },
  bench: {
    description: "Measure this machine against its own peak",
    load: () => import("./bench.ts"),
  },
  doctor: { description: "Check what this machine has", load: () => import("./doctor.ts") },
};

const version = (): string =>
  (JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string })
    .version;

function help(): string {
  const lines = Object.entries(commands).map(
    ([name, { description }]) => `  ${name.padEnd(15)}${description}`,
  );
  return `twainbot ${version()}: give a small language model a voice and a trade

Usage: twainbot <command> [options]

${lines.join("\n")}

Start here:
  twainbot run nano                             data, training and evaluation on what ships with the package
  twainbot run nano train.learningRate=1e-3     the same with one setting changed
  twainbot serve                                talk to the run that was trained last

Every command explains itself: twainbot <command> --help. With --debug errors show their stack.
`;
}

async function commandHelp(name: string, { description, load }: Entry): Promise<string> {
  const { command } = await load();
  return `${description}\n\n${usageOf(name, command.args)}`;
}

async function dispatch(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const at = argv.findIndex((text) => !text.startsWith("-"));
  const first = argv[at];
  // `data diff` is a command of two words, its options after them.
  const two = `${first} ${argv[at + 1]}`;
  const isGroup = Object.keys(commands).some((each) => each.startsWith(`${first} `));
  const name = Object.hasOwn(commands, two) ? two : first;
  const wantsHelp = argv.some((text) => text === "--help" || text === "-h");
  if (name === undefined || (name === "help" && argv.length === 1)) {
    if (argv.includes("--version") || argv.includes("-v")) process.stdout.write(`${version()}\n`);
    else if (wantsHelp || argv.every((text) => text === "--debug") || name === "help")
      process.stdout.write(help());
    else
      throw new TwainError("cli/usage", `unknown option ${argv[0]}`, {
        hint: "twainbot --help lists the commands.",
      });
    return 0;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!entry && isGroup) {
    const group = Object.keys(commands).filter((each) => each.startsWith(`${name} `));
    if (wantsHelp && argv.length === 2) {
      process.stdout.write(help());
      return 0;
    }
    throw new TwainError("cli/usage", `twainbot ${name} needs to know what to do`, {
      hint: `It is one of ${group.map((each) => `twainbot ${each}`).join(", ")}.`,
    });
  }
  if (!entry) {
    const guess = nearest(name, Object.keys(commands));
    throw new TwainError("cli/usage", `there is no command ${name}`, {
      hint: guess ? `Did you mean twainbot ${guess}?` : "twainbot --help lists the commands.",
    });
  }
  if (wantsHelp) {
    process.stdout.write(await commandHelp(name, entry));
    return 0;
  }
  const { command } = await entry.load();
  return command.start(
    [...argv.slice(0, at), ...argv.slice(at + name.split(" ").length)].filter(
      (text) => text !== "--debug",
    ),
    signal,
  );
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  let asked = 0;
  const interrupt = (): void => {
    // The first asks; the second, from someone who does not want to wait, ends. One Ctrl-C may come
    // twice within moments: from the terminal, and from npm, which passes it on.
    if (abort.signal.aborted && performance.now() - asked > ONE_KEYPRESS) process.exit(INTERRUPTED);
    asked ||= performance.now();
    abort.abort();
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // Whoever read our output (head, less) has gone.
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
  try {
    process.exitCode = await dispatch(argv, abort.signal);
  } catch (error) {
    process.exitCode = reportError(error, process.stderr, {
      debug: argv.includes("--debug"),
      aborted: abort.signal.aborted,
    });
  }
  process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
}

await main();
