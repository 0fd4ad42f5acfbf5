/** Every export format but those that need a tokenizer; a new one is a file of its own and a line here. */
import { dataset } from "./dataset.ts";
import type { ExportFormat } from "./format.ts";
import { mcp } from "./mcp.ts";
import { openaiFunctions } from "./openai-functions.ts";
import { openai } from "./openai.ts";
import { sharegpt } from "./sharegpt.ts";
import { trl } from "./trl.ts";
import { xml } from "./xml.ts";

export const exportFormats: readonly ExportFormat[] = [
  dataset,
  openai,
  openaiFunctions,
  trl,
  sharegpt,
  mcp,
  xml,
];
