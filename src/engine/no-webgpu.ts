import { TwainError } from "../core/errors.ts";

/** The error of a machine on which WebGPU was asked for and does not work. */
export const noWebGpu = (reason: string, cause?: unknown): TwainError =>
  new TwainError("engine/no-webgpu", `WebGPU does not work here: ${reason}`, {
    hint: "Train on the CPU (train.device=cpu), or install the graphics driver; on Linux that is its Vulkan part. See docs/gpu.md.",
    cause,
  });
