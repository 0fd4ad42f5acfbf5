/** `twainbot serve`: an OpenAI-compatible API and the chat page over trained runs. */
import { versions } from "../core/versions.ts";
import { createApp } from "../serve/app.ts";
import { listen } from "../serve/listen.ts";
import { loadPage } from "../serve/page.ts";
import { TwainError } from "../core/errors.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { defineCommand, jsonArg, optionValues } from "./command.ts";
import { findRun, openRunModels, readRunRecipe } from "./open-run.ts";
import { samplingArgs, samplingOf } from "./sampling-args.ts";
import { openWeather, weatherArg } from "./weather-source.ts";

/** Chats that one model decodes as a batch. */
const SLOTS = 8;

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new TwainError("cli/usage", `--port cannot be ${text}`, {
    hint: "It is a number from 0 (any free port) to 65535.",
  });
}

/** Resolves when the signal aborts. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** The runs that were asked for, or the one trained last. Throws `cli/usage` for two of one name. */
async function runsOf(
  folders: readonly string[],
  runs: string,
): Promise<{ recipe: Recipe; dir: RunDir }[]> {
  const found: { recipe: Recipe; dir: RunDir }[] = [];
  for (const folder of folders.length > 0 ? folders : [undefined]) {
    const dir = await findRun(folder, runs);
    const recipe = await readRunRecipe(dir);
    if (found.some((other) => other.recipe.name === recipe.name))
      throw new TwainError("cli/usage", `two runs are named ${recipe.name}`, {
        hint: "Models are served under the recipe's name; give one run another (name=…).",
      });
    found.push({ recipe, dir });
  }
  return found;
}

export const command = defineCommand(
  {
    run: {
      type: "string",
      valueHint: "DIR",
      description:
        "A run to serve; may be repeated, and runs with one base share its weights. Default: the one trained last",
    },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    host: {
      type: "string",
      default: "127.0.0.1",
      valueHint: "ADDRESS",
      description: "Address to listen on",
    },
    port: {
      type: "string",
      default: "8787",
      valueHint: "PORT",
      description: "Port to listen on; 0 takes a free one",
    },
    "prefix-cache": {
      type: "string",
      default: "256",
      valueHint: "MB",
      description:
        "Memory for the beginnings of prompts, which are not computed again; 0 keeps none",
    },
    ...samplingArgs,
    ...weatherArg,
    ...jsonArg,
  },
  async (args, { signal, rawArgs }) => {
    const port = portOf(args.port);
    const prefixMegabytes = Number(args["prefix-cache"]);
    if (!(prefixMegabytes >= 0) || args["prefix-cache"].trim() === "")
      throw new TwainError("cli/usage", `--prefix-cache cannot be ${args["prefix-cache"]}`, {
        hint: "It is a number of megabytes.",
      });
    const opened = await openRunModels(await runsOf(optionValues(rawArgs, "run"), args.runs), {
      slots: SLOTS,
      prefixBytes: prefixMegabytes * 2 ** 20,
      defaults: samplingOf(args),
    });
    const { provider, tools } = await openWeather(args.weather);
    const local = isLoopback(args.host);
    const app = createApp({
      models: () =>
        opened.models.map(({ name, base, ...model }) => ({
          ...model,
          ...(name === "adapter" && { root: base }),
        })),
      tools,
      provider,
      version: versions().twainbot,
      logger: { error: (message) => process.stderr.write(`${message}\n`) },
      page: await loadPage(),
      hosts: local ? "loopback" : "any",
    });
    const server = await listen(app, { host: args.host, port });
    const models = opened.models.map(({ id }) => id);
    if (args.json)
      process.stdout.write(
        `${JSON.stringify({ url: server.url, port: server.port, models, weather: provider.name })}\n`,
      );
    else {
      process.stdout.write(`
TwainBot is at ${server.url}

  chat page   ${server.url}/
  API         ${server.url}/v1   (OpenAI-compatible; models ${models.join(", ")})
  weather     ${provider.name}${provider.attribution ? ` (${provider.attribution})` : ""}

Ctrl-C stops it.
`);
    }
    if (!local)
      process.stderr.write(
        `warning: ${args.host} can be reached from other machines and there is no authentication: anyone who can connect can use it.\n`,
      );
    await aborted(signal);
    if (!args.json) process.stderr.write("Stopping: running answers may end.\n");
    await server.close();
    await opened.close();
    return 0;
  },
);
