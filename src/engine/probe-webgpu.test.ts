/** What works is in test/webgpu.test.ts; here is what a machine without a driver is told. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { probeWebGpu, requireDevice } from "./probe-webgpu.ts";

// Only the Vulkan loader can be told to find nothing.
const linux = process.platform === "linux";
beforeEach(() => {
  vi.stubEnv("VK_ICD_FILENAMES", "/nowhere.json");
  vi.stubEnv("VK_DRIVER_FILES", "/nowhere.json");
});
afterEach(() => vi.unstubAllEnvs());

test.runIf(linux)(
  "without a driver the probe says why, and asking for it is an error",
  async () => {
    expect(await probeWebGpu()).toEqual({
      works: false,
      reason: expect.stringMatching(/WebGPU adapter/) as unknown,
    });
    await expect(requireDevice("webgpu")).rejects.toMatchObject({
      code: "engine/no-webgpu",
      hint: expect.stringMatching(/train\.device=cpu/) as unknown,
    });
  },
);

test("the CPU is always there; an abort ends the trial", async () => {
  await requireDevice("cpu");
  const abort = new AbortController();
  const probe = probeWebGpu(abort.signal);
  abort.abort();
  await expect(probe).rejects.toThrow(/abort/i);
});
