/** Whether a folder holds the weights that its config.json speaks of: told from the headers of the files, in moments. */
import { join } from "node:path";
import type { Recipe } from "../core/recipe.ts";
import { type Model, checkTensors, weightFiles } from "./folder.ts";
import { isPrequantized } from "./quantize/bitsandbytes.ts";
import { type OpenSafetensors, checkFloats, openSafetensors } from "./safetensors.ts";
import { alreadyQuantized } from "./stored-quantization.ts";

type Shape = Pick<Model, "architecture" | "config">;

/**
 * Throws what `checkTensors` throws, `model/quant-state` for stored 4-bit weights where `quantization` is not nf4, and
 * `model/bad-safetensors` for a type that is not read. `files` are those of `weights`, in order.
 */
export function checkHeaders(
  folder: string,
  model: Shape,
  weights: Awaited<ReturnType<typeof weightFiles>>,
  files: readonly OpenSafetensors[],
  quantization: Recipe["train"]["quantization"],
): void {
  const parameters = model.architecture.parameters(model.config);
  const shapes = new Map<string, { shape: readonly number[] }>();
  const floats: (() => void)[] = [];
  for (const [i, file] of files.entries()) {
    const path = join(folder, weights.files[i]!);
    for (const [name, { shape }] of file.entries) {
      const parameter = parameters.get(name);
      shapes.set(name, { shape });
      if (!parameter) continue;
      if (isPrequantized(file, name)) {
        if (quantization !== "nf4") throw alreadyQuantized(`${path}: ${name}`);
        // Packed bytes say nothing of the shape; the state beside them does, and is compared with it when they are read.
        shapes.set(name, parameter);
      } else floats.push(() => checkFloats(file, path, name));
    }
  }
  checkTensors(folder, model, shapes, weights.placed);
  for (const check of floats) check();
}

/** `checkHeaders` of the files of a folder, whose config has been read. Throws what `weightFiles` and `openSafetensors` throw, too. */
export async function checkWeights(
  folder: string,
  model: Shape,
  quantization: Recipe["train"]["quantization"],
): Promise<void> {
  const weights = await weightFiles(folder);
  const files: OpenSafetensors[] = [];
  try {
    for (const file of weights.files) files.push(await openSafetensors(join(folder, file)));
    checkHeaders(folder, model, weights, files, quantization);
  } finally {
    for (const file of files) await file.close();
  }
}
