/** The recipe `tiny` through the command line, in processes of its own: what a user does, and what goes wrong. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashFile } from "../../src/core/hash.ts";
import { packageRoot } from "../../src/core/package-root.ts";
import { EvalReport } from "../../src/evals/report.ts";

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

let runs: string;
const children = new Set<ChildProcess>();
beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), "twainbot-e2e-"));
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(runs, { recursive: true, force: true });
});

/** The command line in a child that is Node itself, so that a signal hits the program and no wrapper. */
function start(...args: string[]): ChildProcess & { ended: Promise<Ended> } {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {
    cwd: packageRoot(),
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  children.add(child);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  const ended = once(child, "close").then(([code]): Ended => {
    children.delete(child);
    return { code: code as number | null, stdout, stderr };
  });
  return Object.assign(child, { ended });
}
const twainbot = (...args: string[]): Promise<Ended> => start(...args).ended;

/** `tiny` as a run of another name beside the first. */
const tiny = (name: string, ...args: string[]): string[] => [
  "run",
  "tiny",
  `name=${name}`,
  "--runs",
  runs,
  "--json",
  ...args,
];
const at = (...parts: string[]): string => join(runs, ...parts);
const adapterHash = async (name: string): Promise<string> =>
  (await hashFile(at(name, "train", "adapter", "adapter_model.safetensors"))).sha256;

/** Resolves once a file is there; throws when the process ends before. */
async function appears(path: string, child: { ended: Promise<Ended> }): Promise<void> {
  let over: Ended | undefined;
  void child.ended.then((ended) => (over = ended));
  while (!existsSync(path)) {
    if (over) throw new Error(`ended before ${path} was there: ${over.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** For machines that are slower, or busy with other tests. */
const slow = { timeout: 180_000 };

describe("an undisturbed run", slow, () => {
  test("goes through all stages and leaves their files", async () => {
    const { code, stdout, stderr } = await twainbot(...tiny("whole"));
    expect(stderr).not.toMatch(/error|warning/i);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as {
      stages: { stage: string; status: string }[];
      report: unknown;
    };
    expect(document.stages.map(({ stage, status }) => [stage, status])).toEqual(
      ["collect", "curate", "base", "train", "evaluate"].map((stage) => [stage, "done"]),
    );
    const report = EvalReport.parse(document.report);
    expect(report.systems).toEqual(["base", "adapter"]);
    expect(new Set(report.scores.map(({ task }) => task))).toEqual(
      new Set(["loss", "tools", "no-tool", "style"]),
    );
    for (const path of [
      "recipe.json",
      "events.jsonl",
      "evaluate/report.html",
      "train/adapter/adapter_config.json",
    ])
      expect(existsSync(at("whole", path)), path).toBe(true);
    expect(existsSync(at("whole", ".lock"))).toBe(false);
  });

  test("its loss falls", async () => {
    const lines = (await readFile(at("whole", "base", "metrics.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { loss?: number });
    const losses = lines.flatMap(({ loss }) => loss ?? []);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5);
  });

  test("run again, does nothing again", async () => {
    const before = (await stat(at("whole", "evaluate", "report.json"))).mtimeMs;
    const { code, stdout } = await twainbot(...tiny("whole"));
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as { stages: { status: string }[] };
    expect(document.stages.map(({ status }) => status)).toEqual(Array(5).fill("up to date"));
    expect((await stat(at("whole", "evaluate", "report.json"))).mtimeMs).toBe(before);
  });

  test("answers over HTTP, streamed or whole, and stops when asked to", async () => {
    const server = start("serve", "--run", at("whole"), "--port", "0", "--json");
    const [line] = (await once(server.stdout!, "data")) as [Buffer];
    const { url, models } = JSON.parse(line.toString()) as { url: string; models: string[] };
    expect(models).toEqual(["whole", "whole-base"]);
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    for (const model of models) {
      const question = {
        model,
        messages: [{ role: "user" as const, content: "How is the weather in Hannibal?" }],
        max_tokens: 8,
      };
      const whole = await client.chat.completions.create(question);
      let streamed = "";
      for await (const chunk of await client.chat.completions.create({ ...question, stream: true }))
        streamed += chunk.choices[0]?.delta.content ?? "";
      expect(whole.usage!.completion_tokens).toBeGreaterThan(0);
      expect(streamed).toBe(whole.choices[0]!.message.content ?? "");
    }
    server.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
  });

  test("can be inspected and talked to", async () => {
    const inspected = await twainbot(
      "inspect",
      "tiny",
      "name=whole",
      "--runs",
      runs,
      "--domain",
      "tool",
      "--rows",
      "1",
    );
    expect(inspected.code).toBe(0);
    // The call and the answer are trained, the question and the tool's result are not.
    expect(inspected.stdout).toMatch(
      /<\|user\|>[^⟦]*<\|assistant\|>⟦<tool_call>.*<\|end\|>⟧<\|tool\|>[^⟦]*<\|assistant\|>⟦/s,
    );
    const doctor = await twainbot("doctor", "--runs", runs, "--json");
    expect(JSON.parse(doctor.stdout)).toMatchObject({ healthy: true });
  });
});

describe("a run that is disturbed", slow, () => {
  // A name decides nothing, so what comes before training can be taken over.
  beforeAll(() =>
    cp(at("whole"), at("killed"), {
      recursive: true,
      filter: (path) => !/[\\/](train|evaluate)$/.test(path),
    }),
  );

  test("killed in the middle of training and run again, ends with the same adapter to the byte", async () => {
    const child = start(...tiny("killed"));
    await appears(at("killed", "train", "checkpoints", "step-0000005.json"), child);
    child.kill("SIGKILL");
    await child.ended;
    expect(existsSync(at("killed", "train", "manifest.json"))).toBe(false);
    expect(existsSync(at("killed", ".lock"))).toBe(true);
    const { code, stderr } = await twainbot("train", "tiny", "name=killed", "--runs", runs);
    expect(code).toBe(0);
    expect(stderr).toMatch(/– base +up to date/);
    expect(stderr).toMatch(/resumed after step \d+/);
    expect(await adapterHash("killed")).toBe(await adapterHash("whole"));
  });

  test("a damaged newest checkpoint is passed over with a notice, for the one before", async () => {
    const checkpoints = at("killed", "train", "checkpoints");
    const [older, newest] = (await readdir(checkpoints))
      .filter((name) => name.endsWith(".safetensors"))
      .toSorted();
    await rm(at("killed", "train", "manifest.json"));
    const bytes = await readFile(join(checkpoints, newest!));
    bytes[bytes.length - 9]! ^= 1;
    await writeFile(join(checkpoints, newest!), bytes);
    const { code, stderr } = await twainbot("train", "tiny", "name=killed", "--runs", runs);
    expect(code).toBe(0);
    expect(stderr).toMatch(/checkpoint of step 20 is damaged and was passed over/);
    expect(stderr).toContain(`resumed after step ${Number(/\d+/.exec(older!)![0])}`);
    expect(await adapterHash("killed")).toBe(await adapterHash("whole"));
  });

  test("Ctrl-C ends it with one line and 130, and a second process is turned away meanwhile", async () => {
    const child = start("train", "tiny", "name=killed", "--runs", runs, "train.steps=100000");
    await appears(at("killed", ".lock"), child);
    const second = await twainbot("train", "tiny", "name=killed", "--runs", runs);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^error\[cli\/run-locked\] process \d+ .*\n {2}hint: .*\n$/);
    child.kill("SIGINT");
    const { code, stderr } = await child.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/\nStopped\. Finished work is kept.*\n$/);
    expect(stderr).not.toMatch(/ {4}at /);
    expect(existsSync(at("killed", ".lock"))).toBe(false);
  });
});

describe("a run with training on plain text", slow, () => {
  beforeAll(() => cp(at("whole"), at("chained"), { recursive: true }));
  const dapt = [
    "dapt.steps=4",
    "dapt.learningRate=4e-3",
    "dapt.warmupSteps=0",
    "dapt.microBatch=2",
  ];
  const chained = async (...args: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await twainbot(...tiny("chained", "train.steps=4", ...args));
    expect(code, stderr).toBe(0);
    return (JSON.parse(stdout) as { stages: { stage: string; status: string }[] }).stages.map(
      ({ stage, status }) => `${stage} ${status}`,
    );
  };

  test("keeps dataset and base, and trains and measures what comes of it", async () => {
    const before = ["collect up to date", "curate up to date", "base up to date"];
    const ran = [...before, "dapt done", "train done", "evaluate done"];
    expect(await chained(...dapt)).toEqual(ran);
    const metrics = await readFile(at("chained", "dapt", "metrics.jsonl"), "utf8");
    expect(metrics).toContain('"validLoss"');
    expect(existsSync(at("chained", "dapt", "tensorboard"))).toBe(true);
    const card = await readFile(at("chained", "train", "adapter", "README.md"), "utf8");
    expect(card).toContain("supervised after plain text (DAPT)");
    const up = ran.map((line) => line.replace("done", "up to date"));
    expect(await chained(...dapt)).toEqual(up);
  });
});

describe("what a user gets wrong: a code, an exit status, a hint, no stack", () => {
  test.each([
    ["an unknown recipe", ["run", "tinny"], 1, "recipe/unknown", "did you mean tiny?"],
    [
      "a typo in an override",
      ["run", "tiny", "train.lora.rnak=4"],
      1,
      "recipe/invalid",
      "did you mean rank?",
    ],
    [
      "a value of the wrong kind",
      ["run", "tiny", "train.steps=many"],
      1,
      "recipe/invalid",
      "train.steps",
    ],
    [
      "a typo in a source",
      ["run", "tiny", 'data.sources=[{"kind":"bundeld"}]'],
      1,
      "recipe/invalid",
      "did you mean bundled?",
    ],
    [
      "a task that does not exist",
      ["run", "tiny", 'evaluate.tasks=["tool"]'],
      1,
      "evaluate/unknown-task",
      "tools",
    ],
    [
      "LoRA targets that the base does not have",
      ["run", "tiny", "name=none", 'train.lora.targets=["qkv_proj"]'],
      1,
      "model/lora-targets",
      "q_proj",
    ],
    [
      "preferences that are not there",
      ["run", "tiny", "name=none", "preference.steps=1", "preference.learningRate=1e-5"],
      1,
      "train/no-preference",
      "leave the section out",
    ],
    [
      "an adapter of its own for plain text",
      ["run", "tiny", "name=none", "dapt.steps=1", "dapt.lora.rank=2"],
      1,
      "recipe/invalid",
      "dapt.lora: unknown key",
    ],
    ["an unknown command", ["rnu", "tiny"], 2, "cli/usage", "Did you mean twainbot run?"],
    ["an unknown option", ["run", "tiny", "--jsno"], 2, "cli/usage", "Did you mean --json?"],
    [
      "a stage before its time",
      ["train", "tiny", "name=early"],
      1,
      "core/stage-missing",
      "twainbot run",
    ],
    ["a run that is not there", ["serve", "--run", "nowhere"], 1, "cli/no-run", "whole"],
    [
      "a folder that cannot be written",
      ["run", "tiny", "--runs", "package.json"],
      1,
      "cli/runs-unwritable",
      "--runs DIR",
    ],
  ])("%s", async (_, args, code, expected, hint) => {
    const ended = await twainbot(...args, ...(args.includes("--runs") ? [] : ["--runs", runs]));
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(`error[${expected}] `);
    expect(ended.stderr).toContain(hint);
    expect(ended.stderr).not.toMatch(/^ {4}at /m);
    // All of it can be told before any stage is started.
    expect(ended.stderr).not.toContain("▸");
    expect(ended.stdout).toBe("");
  });
});
