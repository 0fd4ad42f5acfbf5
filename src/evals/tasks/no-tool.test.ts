import { afterAll, beforeAll, expect, test } from "vitest";
import {
  caseOf,
  cases,
  makeCalls,
  say,
  scripted,
  system,
  testEvaluation,
  valueOf,
} from "../test-evaluation.ts";

const { run, write, remove } = testEvaluation();
beforeAll(write);
afterAll(remove);

test("where no call is right: calls, broken markup and invented weather are three things", async () => {
  const chat = scripted((messages) =>
    caseOf(messages)!.id === "n1"
      ? { ...say("<tool_call>{"), malformedCall: "<tool_call>{" }
      : say("It will be 62 degrees."),
  );
  const { report, samples } = await run(
    [
      system(
        "base",
        scripted(() => makeCalls(cases[0]!.expected)),
      ),
      system("adapter", chat),
    ],
    ["no-tool"],
  );
  expect(valueOf(report, "false-call", "base")).toBe(1);
  expect(valueOf(report, "false-call")).toBe(0);
  expect(valueOf(report, "malformed-call")).toBe(0.5);
  expect(valueOf(report, "invented-weather", "adapter", "missing-location")).toBe(1);
  expect(
    samples.filter((sample) => sample.system === "adapter").map((sample) => sample.outcome),
  ).toEqual(["malformed-call", "invented-weather"]);
  expect(samples.some((sample) => sample.outcome === "correct")).toBe(false);
});
