import { type IncomingMessage, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseRecipe } from "../core/recipe.ts";
import { type MlflowOptions, openMlflow, recipeTrackers } from "./mlflow.ts";

interface Asked {
  path: string;
  authorization: string | undefined;
  body: Record<string, unknown>;
}
let server: Server;
let uri = "";
let asked: Asked[] = [];
/** What a path answers instead of what MLflow would; a function may also hang. */
let answers: Record<string, { status: number; body: string } | "hang"> = {};

/** The five calls of MLflow that are used, as its REST API documents them. */
const usual: Record<string, unknown> = {
  "experiments/get-by-name": { experiment: { experiment_id: "7", name: "x" } },
  "experiments/create": { experiment_id: "8" },
  "runs/create": { run: { info: { run_id: "r1" }, data: {} } },
  "runs/log-batch": {},
  "runs/update": { run_info: {} },
};

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request) text += String(part);
  return text;
}

beforeEach(async () => {
  asked = [];
  answers = {};
  server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const url = new URL(request.url ?? "", "http://localhost");
      const path = url.pathname.replace("/prefix/api/2.0/mlflow/", "");
      asked.push({
        path,
        authorization: request.headers.authorization,
        body: (text ? JSON.parse(text) : Object.fromEntries(url.searchParams)) as Asked["body"],
      });
      const answer = answers[path] ?? { status: 200, body: JSON.stringify(usual[path]) };
      if (answer === "hang") return;
      response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const open = (options: Partial<MlflowOptions> = {}) =>
  openMlflow({
    uri,
    experiment: "wet & dry",
    runName: "nano train",
    params: { steps: "800" },
    env: {},
    timeoutMs: 20_000,
    flushMs: 60_000,
    ...options,
  });

test("an experiment, a run, its parameters, metrics in batches, and the end", async () => {
  const tracker = open({ batch: 4 });
  expect(asked).toEqual([]);
  for (let step = 1; step <= 5; step++)
    expect(
      await tracker.log(step, { "train/loss": 1 / step, "train/gradNorm": Number.NaN }),
    ).toBeUndefined();
  expect(await tracker.close("finished")).toBeUndefined();
  expect(asked.map(({ path }) => path)).toEqual([
    "experiments/get-by-name",
    "runs/create",
    "runs/log-batch",
    "runs/log-batch",
    "runs/log-batch",
    "runs/update",
  ]);
  expect(asked[0]!.body).toEqual({ experiment_name: "wet & dry" });
  expect(asked[1]!.body).toMatchObject({ experiment_id: "7", run_name: "nano train" });
  expect(asked[2]!.body).toEqual({ run_id: "r1", params: [{ key: "steps", value: "800" }] });
  const metrics = asked.slice(3, 5).flatMap(({ body }) => body["metrics"] as object[]);
  // What is no number is left out: JSON has none.
  expect(metrics).toMatchObject(
    [1, 2, 3, 4, 5].map((step) => ({ key: "train/loss", value: 1 / step, step })),
  );
  expect(asked[5]!.body).toMatchObject({ run_id: "r1", status: "FINISHED" });
});

test("an experiment that is not there is made", async () => {
  answers["experiments/get-by-name"] = { status: 404, body: '{"error_code":"X"}' };
  const tracker = open({ batch: 1 });
  await tracker.log(1, { loss: 1 });
  expect(asked[1]!.body).toEqual({ name: "wet & dry" });
  expect(asked[2]!.body).toMatchObject({ experiment_id: "8" });
});

test("a token comes from the environment", async () => {
  const used = async (env: Record<string, string>): Promise<string | undefined> => {
    asked = [];
    await open({ batch: 1, env }).log(1, { loss: 1 });
    return asked[0]!.authorization;
  };
  expect(await used({})).toBeUndefined();
  expect(await used({ MLFLOW_TRACKING_TOKEN: "t" })).toBe("Bearer t");
  const basic = { MLFLOW_TRACKING_USERNAME: "u", MLFLOW_TRACKING_PASSWORD: "p" };
  expect(await used(basic)).toBe(`Basic ${Buffer.from("u:p").toString("base64")}`);
});

describe("a server that fails is named once, never thrown, and not asked again", () => {
  const failures: [string, string, (typeof answers)[string], RegExp][] = [
    ["says 500", "runs/create", { status: 500, body: "secret trace" }, /\(status 500\)/],
    ["says nonsense", "runs/create", { status: 200, body: "<html>" }, /unexpected answer/],
    ["says something else", "runs/create", { status: 200, body: "{}" }, /unexpected answer/],
    ["never answers", "experiments/get-by-name", "hang", /no answer in time/],
    ["fails later", "runs/log-batch", { status: 403, body: "" }, /\(status 403\)/],
  ];
  test.each(failures)("%s", async (_, path, answer, message) => {
    answers[path] = answer;
    const timeoutMs = answer === "hang" ? 300 : 20_000;
    const tracker = open({ batch: 1, timeoutMs, env: { MLFLOW_TRACKING_TOKEN: "secret" } });
    const said = await tracker.log(1, { loss: 1 });
    expect(said).toMatch(message);
    expect(said).toMatch(/training goes on/);
    expect(said).not.toMatch(/secret/);
    const count = asked.length;
    expect(await tracker.log(2, { loss: 1 })).toBeUndefined();
    expect(await tracker.close("failed")).toBeUndefined();
    expect(asked).toHaveLength(count);
  });

  test("is not there", async () => {
    const tracker = open({ uri: "http://127.0.0.1:9", batch: 1 });
    expect(await tracker.log(1, { loss: 1 })).toMatch(/127\.0\.0\.1:9 failed \(no connection\)/);
  });
});

test("a recipe has no tracker unless it asks for one, by an http address", () => {
  const recipe = (tracking?: unknown) =>
    parseRecipe(
      {
        name: "t",
        data: { sources: [{ kind: "bundled" }] },
        base: { kind: "folder", path: "." },
        train: { steps: 1, learningRate: 1e-3 },
        ...(tracking !== undefined && { tracking }),
      },
      "t",
    );
  expect(recipeTrackers(recipe(), "train", {})).toEqual([]);
  expect(recipeTrackers(recipe({ mlflow: { uri } }), "train", {})).toHaveLength(1);
  for (const bad of ["here", "file:///tmp", "http://user:password@host/"])
    expect(() => recipe({ mlflow: { uri: bad } })).toThrow(/tracking\.mlflow\.uri/);
});
