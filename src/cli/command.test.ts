import { describe, expect, test } from "vitest";
import { command as chat } from "./chat.ts";
import { defineCommand, optionValues, usageOf } from "./command.ts";
import { reportError } from "./report-error.ts";
import { TwainError } from "../core/errors.ts";

const args = {
  recipe: { type: "positional", required: true, description: "what to build" },
  runs: { type: "string", default: "runs", valueHint: "DIR" },
  weather: { type: "enum", options: ["offline", "open-meteo"], default: "offline" },
  json: { type: "boolean" },
} as const;
const run = async (...raw: string[]): Promise<Record<string, unknown>> => {
  let seen = {};
  const command = defineCommand(
    { ...args, weather: { ...args.weather, options: [...args.weather.options] } },
    async (parsed) => {
      seen = {
        recipe: parsed.recipe,
        rest: parsed._.slice(1),
        runs: parsed.runs,
        weather: parsed.weather,
        json: Boolean(parsed.json),
      };
      return 0;
    },
  );
  await command.start(raw, new AbortController().signal);
  return seen;
};

test("positionals, options in either form, flags and defaults", async () => {
  expect(await run("nano", "a=1", "b.c=2", "--runs=/tmp/x", "--json")).toEqual({
    recipe: "nano",
    rest: ["a=1", "b.c=2"],
    runs: "/tmp/x",
    weather: "offline",
    json: true,
  });
  expect(await run("--weather", "open-meteo", "nano")).toMatchObject({
    recipe: "nano",
    weather: "open-meteo",
    runs: "runs",
    json: false,
  });
});

describe("what citty would let pass", () => {
  test.each([
    [["nano", "--rusn", "x"], "Did you mean --runs?"],
    [["nano", "--zzzzzz"], "Options here: --runs, --weather, --json."],
    [["nano", "-j"], "Options here"],
    [["nano", "--runs"], "Write --runs VALUE."],
    [["nano", "--runs", "--json"], "Write --runs VALUE."],
    [["nano", "--weather", "sunny"], "It is one of offline, open-meteo."],
    [[], "what to build"],
  ])("%j", async (raw, hint) => {
    await expect(run(...raw)).rejects.toMatchObject({
      code: "cli/usage",
      hint: expect.stringContaining(hint),
    });
  });
});

test("an option may be repeated", () => {
  expect(optionValues(["--run", "a", "x", "--run=b", "--runs", "c"], "run")).toEqual(["a", "b"]);
});

test("chat takes a seed and a length, and says what these can be before a model is read", async () => {
  const { signal } = new AbortController();
  for (const [option, value] of [
    ["seed", "-1"],
    ["seed", "1.5"],
    ["max-tokens", "0"],
  ] as const)
    await expect(chat.start([`--${option}=${value}`], signal)).rejects.toMatchObject({
      code: "cli/usage",
      message: `--${option} cannot be ${value}`,
    });
  const good = ["--seed=7", "--max-tokens=20", "--runs", "/nowhere"];
  await expect(chat.start(good, signal)).rejects.toMatchObject({ code: "cli/no-run" });
});

test("usage names every argument", () => {
  const usage = usageOf("run", {
    ...args,
    weather: { ...args.weather, options: [...args.weather.options] },
  });
  for (const part of [
    "<recipe>",
    "--runs DIR",
    "--weather offline|open-meteo",
    "--json",
    "(default runs)",
    "For example: twainbot run nano ",
  ])
    expect(usage).toContain(part);
});

describe("an error becomes a message and an exit code", () => {
  const report = (
    error: unknown,
    options: { debug?: boolean; aborted?: boolean } = {},
  ): { code: number; text: string } => {
    let text = "";
    const code = reportError(
      error,
      { write: (part) => void (text += part) },
      { debug: false, aborted: false, ...options },
    );
    return { code, text };
  };
  const known = new TwainError("train/no-tokens", "no token of 12 rows is trained", {
    hint: "Look at them.",
    cause: new Error("deeper"),
  });

  test("known: code, message and hint, no stack unless asked for", () => {
    expect(report(known)).toEqual({
      code: 1,
      text: "error[train/no-tokens] no token of 12 rows is trained\n  hint: Look at them.\n",
    });
    expect(report(known, { debug: true }).text).toMatch(
      / {4}at .*\n(.*\n)*caused by Error: deeper/,
    );
  });
  test("a wrong command line is 2", () =>
    expect(report(new TwainError("cli/usage", "x")).code).toBe(2));
  test("a fault of the program shows its stack and is 70", () => {
    const { code, text } = report(new RangeError("off by one"));
    expect(code).toBe(70);
    expect(text).toMatch(/RangeError: off by one\n {4}at /);
  });
  test("an interruption is one line and 130; an abort that nobody asked for is a fault", () => {
    const abort = new DOMException("This operation was aborted", "AbortError");
    expect(report(abort, { aborted: true })).toEqual({
      code: 130,
      text: expect.stringMatching(/^Stopped\. Finished work is kept.*\n$/),
    });
    expect(report(abort).code).toBe(70);
  });
});
