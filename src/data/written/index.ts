/** The kinds of model-written data; a new one is a file of its own, its prompts, and a line here. */
import { backTranslation } from "./back-translation.ts";
import { contrast } from "./contrast.ts";
import { hybrid } from "./hybrid.ts";
import { paraphrase } from "./paraphrase.ts";
import { styleTransfer } from "./style-transfer.ts";
import { weatherHumour } from "./weather-humour.ts";
import type { WrittenKind } from "./written-kind.ts";

export const writtenKinds: readonly WrittenKind[] = [
  styleTransfer,
  weatherHumour,
  hybrid,
  paraphrase,
  backTranslation,
  contrast,
];
