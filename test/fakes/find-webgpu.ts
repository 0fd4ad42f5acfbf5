/** A WebGPU adapter for tests: the machine's own, or the software one that a Chromium package brings. */
import { existsSync } from "node:fs";
import { type WebGpuProbe, probeWebGpu } from "../../src/engine/index.ts";

/** Where Debian's package keeps the manifest of its software Vulkan driver. */
const SOFTWARE = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Leaves the environment variable set that makes the Vulkan loader find what works. */
export async function findWebGpu(): Promise<WebGpuProbe> {
  const own = await probeWebGpu();
  if (own.works || process.env["VK_ICD_FILENAMES"] !== undefined || !existsSync(SOFTWARE))
    return own;
  process.env["VK_ICD_FILENAMES"] = SOFTWARE;
  return probeWebGpu();
}
