/** Every export format; a new one is a file of its own and a line here. */
import type { ExportFormat } from "./format.ts";
import { mcp } from "./mcp.ts";
import { openaiFunctions } from "./openai-functions.ts";
import { openai } from "./openai.ts";
import { sharegpt } from "./sharegpt.ts";
import { trl } from "./trl.ts";
import { xml } from "./xml.ts";

export const exportFormats: readonly ExportFormat[] = [
  openai,
  openaiFunctions,
  trl,
  sharegpt,
  mcp,
  xml,
];
