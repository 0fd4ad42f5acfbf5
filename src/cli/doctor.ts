/** `twainbot doctor`: what this machine has, so that a problem is found before a long run. */
import { access, constants, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../core/package-root.ts";
import { versions } from "../core/versions.ts";
import { probeWebGpu } from "../engine/index.ts";
import { createOpenMeteo } from "../weather/open-meteo.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { recipeNames } from "./load-recipe.ts";
import { bytes, painter } from "./terminal.ts";

interface Check {
  name: string;
  /** `no` is a problem; `note` is only worth knowing. */
  state: "ok" | "no" | "note";
  found: string;
}

/** The environment variables that are read; only whether they are set is ever said. */
const KEYS = ["OPEN_METEO_API_KEY"];

const problem = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  return {
    name: "Node",
    state: enough ? "ok" : "no",
    found: `${process.versions.node}${enough ? "" : ", but 20.19 is the least"}`,
  };
}

function machine(): Check[] {
  const memory = totalmem();
  return [
    {
      name: "processor",
      state: "ok",
      found: `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? "unknown"}, ${process.platform} ${process.arch}`,
    },
    {
      name: "memory",
      state: memory >= 3e9 ? "ok" : "note",
      found: `${bytes(memory)}, ${bytes(freemem())} free${memory >= 3e9 ? "" : "; nano wants about 2 GB"}`,
    },
  ];
}

async function runtime(): Promise<Check> {
  try {
    const ort = await import("onnxruntime-node");
    const backends = ort
      .listSupportedBackends()
      .map(({ name, bundled }) => (bundled ? name : `${name} (not bundled)`));
    return {
      name: "onnxruntime",
      state: "ok",
      found: `${versions().onnxruntime}, execution providers ${backends.join(", ")}`,
    };
  } catch (error) {
    return { name: "onnxruntime", state: "no", found: `cannot be loaded: ${problem(error)}` };
  }
}

async function webgpu(signal: AbortSignal): Promise<Check> {
  const probe = await probeWebGpu(signal);
  return {
    name: "WebGPU",
    state: probe.works ? "ok" : "note",
    found: probe.works
      ? `works${probe.adapter && `, on ${probe.adapter}`}; train.device=webgpu trains there`
      : `does not work, and is only needed for train.device=webgpu: ${probe.reason}`,
  };
}

async function corpus(): Promise<Check> {
  const files = await readdir(join(packageRoot(), "corpus")).catch(() => []);
  return {
    name: "corpus",
    state: files.length > 0 ? "ok" : "no",
    found:
      files.length > 0
        ? `${files.length} files ship with the package`
        : "the corpus folder of the package is missing",
  };
}

async function recipes(): Promise<Check> {
  const names = await recipeNames();
  return {
    name: "recipes",
    state: names.length > 0 ? "ok" : "no",
    found: names.join(", ") || "none",
  };
}

async function page(): Promise<Check> {
  const built = await access(join(packageRoot(), "web", "dist", "index.html")).then(
    () => true,
    () => false,
  );
  return {
    name: "chat page",
    state: built ? "ok" : "note",
    found: built ? "built" : "not built; npm run build makes it, the API works without",
  };
}

/** Tries a file; leaves the folder as it was where it was not there. */
async function writable(runs: string): Promise<Check> {
  const probe = join(runs, `.doctor-${process.pid}`);
  try {
    const made = await mkdir(runs, { recursive: true });
    await writeFile(probe, "");
    await access(probe, constants.W_OK);
    await rm(made ?? probe, { recursive: true, force: true });
    return { name: "runs folder", state: "ok", found: `${runs} can be written` };
  } catch (error) {
    return {
      name: "runs folder",
      state: "no",
      found: `${runs} cannot be written: ${problem(error)}`,
    };
  }
}

async function network(wanted: boolean, signal: AbortSignal): Promise<Check> {
  if (!wanted)
    return {
      name: "network",
      state: "note",
      found: "not tried; --network asks Open-Meteo for a place",
    };
  try {
    const place = await createOpenMeteo().find(
      "Hannibal, Missouri",
      AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    );
    return {
      name: "network",
      state: place ? "ok" : "no",
      found: place ? "Open-Meteo answers" : "Open-Meteo answers, but does not know Hannibal",
    };
  } catch (error) {
    signal.throwIfAborted();
    return { name: "network", state: "no", found: `Open-Meteo does not answer: ${problem(error)}` };
  }
}

function keys(): Check {
  const set = KEYS.filter((name) => process.env[name]);
  return {
    name: "keys",
    state: "note",
    found:
      set.length > 0
        ? `set: ${set.join(", ")}`
        : `none set, and none needed (${KEYS.join(", ")} is for paid plans)`,
  };
}

export const command = defineCommand(
  {
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    network: { type: "boolean", description: "Also try the network" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    const checks = [
      node(),
      ...machine(),
      await runtime(),
      await webgpu(signal),
      await corpus(),
      await recipes(),
      await page(),
      await writable(args.runs),
      await network(Boolean(args.network), signal),
      keys(),
    ];
    const healthy = checks.every(({ state }) => state !== "no");
    if (args.json) process.stdout.write(`${JSON.stringify({ healthy, checks }, null, 2)}\n`);
    else {
      const paint = painter(process.stdout);
      const mark = { ok: paint("green", "✓"), no: paint("red", "✗"), note: paint("dim", "·") };
      for (const { name, state, found } of checks)
        process.stdout.write(`${mark[state]} ${name.padEnd(13)}${found}\n`);
    }
    return healthy ? 0 : 1;
  },
);
