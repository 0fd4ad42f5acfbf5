/** Whether WebGPU works on this machine, tried in a process of its own: a bad driver ends the process it is in. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { Graph } from "./graph.ts";
import { noWebGpu } from "./no-webgpu.ts";
import { toModel } from "./onnx/model.ts";
import { add } from "./ops/elementwise.ts";
import type { Device } from "./session.ts";

/** `adapter` is what the Vulkan loader calls the devices it found; empty on systems without Vulkan. */
export type WebGpuProbe =
  | { readonly works: true; readonly adapter: string }
  | { readonly works: false; readonly reason: string };

const SCRIPT = `
const [, runtime, model] = process.argv;
const ort = require(runtime);
(async () => {
  const session = await ort.InferenceSession.create(Buffer.from(model, "base64"), {
    executionProviders: ["webgpu"],
    logSeverityLevel: 4,
  });
  const { "out:y": y } = await session.run({ "in:x": new ort.Tensor("float32", [3, -1], [2]) });
  if (y.data[0] !== 6 || y.data[1] !== -2) throw new Error("3 + 3 is " + y.data[0] + " there");
  await session.release();
})().catch((error) => {
  process.stdout.write(String(error.message));
  process.exitCode = 1;
});
`;

/** Starting a driver takes seconds at the most, on a machine that is busy. */
const PATIENCE_MS = 60_000;

/** Adds two numbers on WebGPU. Throws only what `signal` says. */
export async function probeWebGpu(signal?: AbortSignal): Promise<WebGpuProbe> {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  graph.output("y", add(x, x));
  const model = Buffer.from(toModel(graph).bytes).toString("base64");
  const runtime = createRequire(import.meta.url).resolve("onnxruntime-node");
  const { failed, out, log } = await runNode([SCRIPT, runtime, model], signal);
  signal?.throwIfAborted();
  if (failed === undefined) {
    // `[0] NVIDIA H200`, in the order in which the loader prefers them.
    const found = new Set([...log.matchAll(/\[\d+\] (.*\S)/g)].map(([, name]) => name));
    return { works: true, adapter: [...found].join(", ") };
  }
  const said = /Failed to get a WebGPU adapter[^\n]*/.exec(out)?.[0] ?? out.trim().split("\n")[0];
  return { works: false, reason: said || failed };
}

/** Runs `node -e` with these arguments; `failed` says how it ended where that was not well. */
const runNode = (
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ failed: string | undefined; out: string; log: string }> =>
  new Promise((resolve) => {
    const options = {
      timeout: PATIENCE_MS,
      maxBuffer: 1 << 26, // The loader's log may be long, and only names are read from it.
      env: { ...process.env, VK_LOADER_DEBUG: "info" },
      ...(signal && { signal }),
    };
    execFile(process.execPath, ["-e", ...args], options, (error, out, log) => {
      const ended = error?.signal ? `was ended by ${error.signal}` : error?.message.split("\n")[0];
      resolve({ failed: error ? `the trial ${ended}` : undefined, out, log });
    });
  });

/** Throws `engine/no-webgpu` where a device is asked for that does not work here. */
export async function requireDevice(device: Device, signal?: AbortSignal): Promise<void> {
  if (device !== "webgpu") return;
  const probe = await probeWebGpu(signal);
  if (!probe.works) throw noWebGpu(probe.reason);
}
