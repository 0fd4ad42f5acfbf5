/** A command: its arguments, and what it does with them. citty parses; what it lets pass is refused here. */
import { stripVTControlCharacters } from "node:util";
import { type ArgDef, type ArgsDef, type ParsedArgs, parseArgs } from "citty";
import { TwainError } from "../core/errors.ts";
import { nearest } from "../core/recipe-errors.ts";

export interface CommandContext {
  /** Aborts at SIGINT and SIGTERM. */
  signal: AbortSignal;
  /** The arguments as they were typed, for options that may be repeated. */
  rawArgs: readonly string[];
}

export interface Command {
  readonly args: ArgsDef;
  /** The exit code: 0 only when the thing asked for holds. */
  start(rawArgs: string[], signal: AbortSignal): Promise<number>;
}

/** Options of every command, handled by `main.ts`. */
const GLOBAL = ["help", "debug"];

const usage = (message: string, hint: string): TwainError =>
  new TwainError("cli/usage", message, { hint });

const takesValue = (arg: ArgDef | undefined): boolean =>
  arg?.type === "string" || arg?.type === "enum";

/** Throws `cli/usage` for options that the command does not have and for values that are missing. */
function checkOptions(rawArgs: readonly string[], args: ArgsDef): void {
  const known = Object.keys(args).filter((name) => args[name]!.type !== "positional");
  for (let i = 0; i < rawArgs.length; i++) {
    const text = rawArgs[i]!;
    if (text === "--") return;
    if (!text.startsWith("-")) continue;
    const name = text.replace(/^--?/, "").replace(/=.*$/s, "");
    if (GLOBAL.includes(name)) continue;
    const arg = args[name];
    const negated = name.startsWith("no-") && args[name.slice(3)]?.type === "boolean";
    if (!text.startsWith("--") || (!known.includes(name) && !negated)) {
      const guess = nearest(name, known);
      throw usage(
        `unknown option ${text.replace(/=.*$/s, "")}`,
        guess
          ? `Did you mean --${guess}?`
          : `Options here: ${known.map((option) => `--${option}`).join(", ")}.`,
      );
    }
    if (takesValue(arg) && !text.includes("=")) {
      const value = rawArgs[++i];
      if (value === undefined || value.startsWith("--"))
        throw usage(`--${name} needs a value`, `Write --${name} VALUE.`);
    }
  }
}

/** citty's own error class is not exported; its messages carry colour. */
function parse<Args extends ArgsDef>(rawArgs: string[], args: Args): ParsedArgs<Args> {
  checkOptions(rawArgs, args);
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type !== "enum") continue;
    const value = optionValues(rawArgs, name).at(-1);
    if (value !== undefined && !arg.options?.includes(value)) {
      throw usage(`--${name} cannot be ${value}`, `It is one of ${arg.options?.join(", ")}.`);
    }
  }
  try {
    return parseArgs<Args>(rawArgs, args);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "CLIError") throw error;
    const said = stripVTControlCharacters(error.message);
    const positionals = Object.keys(args).filter((name) => args[name]!.type === "positional");
    const missing =
      positionals.find((name) => said.endsWith(`: ${name.toUpperCase()}`)) ?? positionals[0];
    if (missing === undefined) throw error;
    throw usage(`the ${missing} is missing`, args[missing]!.description ?? "");
  }
}

/** Every value that an option was given: `--run a --run=b` → `["a", "b"]`. */
export function optionValues(rawArgs: readonly string[], name: string): string[] {
  return rawArgs.flatMap((text, i) => {
    if (text === `--${name}`) return rawArgs[i + 1] ?? [];
    return text.startsWith(`--${name}=`) ? text.slice(name.length + 3) : [];
  });
}

/** How a command is called, for `--help`. */
export function usageOf(name: string, args: ArgsDef): string {
  const rows = Object.entries(args).map(([key, arg]): [string, string] => {
    const hint = arg.type === "enum" ? (arg.options ?? []).join("|") : (arg.valueHint ?? "VALUE");
    const left =
      arg.type === "positional" ? `<${key}>` : `--${key}${takesValue(arg) ? ` ${hint}` : ""}`;
    return [
      left,
      `${arg.description ?? ""}${arg.default === undefined ? "" : ` (default ${String(arg.default)})`}`,
    ];
  });
  const column = Math.max(...rows.map(([left]) => left.length)) + 3;
  const positionals = rows.map(([left]) => left).filter((left) => left.startsWith("<"));
  const overrides = positionals.includes("<recipe>") ? ["[key=value …]"] : [];
  const line = [...positionals, ...overrides, "[options]"].join(" ");
  const example =
    overrides.length > 0 ? `\nFor example: twainbot ${name} nano train.learningRate=1e-3\n` : "";
  return `Usage: twainbot ${name} ${line}\n\n${rows.map(([left, right]) => `  ${left.padEnd(column)}${right}`).join("\n")}\n${example}`;
}

export function defineCommand<const Args extends ArgsDef>(
  args: Args,
  run: (args: ParsedArgs<Args>, context: CommandContext) => Promise<number>,
): Command {
  return {
    args,
    start: async (rawArgs, signal) => run(parse(rawArgs, args), { signal, rawArgs }),
  };
}

/** Arguments of the commands that work on a recipe. */
export const recipeArgs = {
  recipe: {
    type: "positional",
    required: true,
    description:
      "A name under recipes/ or a path to .json, .js or .ts; key=value changes a setting, as in train.steps=200",
  },
  runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
} as const satisfies ArgsDef;

export const jsonArg = {
  json: { type: "boolean", description: "One JSON document on stdout at the end" },
} as const satisfies ArgsDef;
