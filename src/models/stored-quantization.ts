/** What config.json says of weights that are stored quantized (`quantization_config`, as transformers writes it). */
import { TwainError } from "../core/errors.ts";
import type { Recipe } from "../core/recipe.ts";
import type { ModelConfig } from "./config.ts";

/** The error for weights that are there in fewer bits already, where the recipe does not take them as they are. */
export const alreadyQuantized = (where: string): TwainError =>
  new TwainError("model/quant-state", `${where} is already quantized (4 bits, bitsandbytes)`, {
    hint: "Set train.quantization=nf4, which takes it as it is, or choose the model before quantization.",
  });

/** Whether bitsandbytes stored it in 4 bits. Throws `model/unsupported` for every other way. */
export function isStoredAsNf4({ quantization_config: stored }: ModelConfig): boolean {
  const method = stored?.quant_method ?? (stored?.load_in_4bit ? "bitsandbytes" : undefined);
  if (!stored || method === undefined) return false;
  if (method === "bitsandbytes" && !stored.load_in_8bit) return true;
  throw new TwainError(
    "model/unsupported",
    `weights that ${method} quantized${stored.load_in_8bit ? " to 8 bits" : ""} are not supported`,
    {
      hint: "Choose the model before quantization: train.quantization then says in how many bits it is kept. Of quantized ones only 4-bit ones of bitsandbytes are read.",
    },
  );
}

/** Throws `model/quant-state` where `quantization` cannot take the weights as `config`, read from `path`, says they are. */
export function checkStoredQuantization(
  path: string,
  config: ModelConfig,
  quantization: Recipe["train"]["quantization"],
): void {
  if (!isStoredAsNf4(config)) return;
  if (quantization !== "nf4") throw alreadyQuantized(path);
  const { bnb_4bit_quant_type: type, bnb_4bit_use_double_quant: double } =
    config.quantization_config ?? {};
  if ((type ?? "nf4") !== "nf4" || double === false)
    throw new TwainError(
      "model/quant-state",
      `${path}: 4-bit weights of type ${type ?? "nf4"}${double === false ? " without double quantization" : ""} are not read`,
      {
        hint: "Read are NF4 weights with double quantization; choose such a model, or the one before quantization.",
      },
    );
}
