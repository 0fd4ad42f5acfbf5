/** The base of an adapter as training needs it: weights, packed where the recipe says so, tokenizer and template. */
import type { RunDir } from "../core/run-dir.ts";
import type { Recipe } from "../core/recipe.ts";
import { type Model, readModel } from "../models/folder.ts";
import { refuseDamaged } from "../models/hub-cache.ts";
import { quantizeFolder } from "../models/quantize/quantize-folder.ts";
import { type ChatTemplate, loadChatTemplate } from "../tokenizer/chat-template.ts";
import { type Tokenizer, loadTokenizer } from "../tokenizer/tokenizer.ts";

export interface OpenBase {
  model: Model;
  tokenizer: Tokenizer;
  template: ChatTemplate;
}

/**
 * Reads a model folder; all stages of an adapter must see the same weights, so none reads it otherwise. Throws
 * `model/cache-damaged` for one from a hub that changed since, and what `readModel` and `quantizeFolder` throw.
 */
export async function openBase(
  folder: string,
  quantization: Recipe["train"]["quantization"],
  dir: RunDir,
  signal?: AbortSignal,
): Promise<OpenBase> {
  await refuseDamaged(folder);
  const model =
    quantization === "none"
      ? await readModel(folder)
      : await quantizeFolder(folder, quantization, { cache: dir.quantized, signal });
  const tokenizer = await loadTokenizer(folder);
  return { model, tokenizer, template: await loadChatTemplate(folder, tokenizer) };
}
