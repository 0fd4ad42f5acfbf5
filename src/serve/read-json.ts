/** The JSON body of a request, read under a size limit. */
import { TwainError } from "../core/errors.ts";

/** Throws `serve/unsupported-media-type`, `serve/body-too-large` or `serve/bad-json`. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  // A form or text/plain could be posted by any page without a preflight, so the type is a guard as well.
  if (!/^application\/json\s*(;|$)/i.test(type) || request.headers.has("content-encoding")) {
    throw new TwainError(
      "serve/unsupported-media-type",
      `the body must be plain application/json, not "${type}"`,
    );
  }
  const text = new TextDecoder("utf-8", { fatal: true });
  const bytes = await readBytes(request, maxBytes);
  try {
    return JSON.parse(text.decode(bytes));
  } catch (error) {
    throw new TwainError("serve/bad-json", `the body is not valid JSON (${bytes.length} bytes)`, {
      cause: error,
    });
  }
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (bytes: number): TwainError =>
    new TwainError(
      "serve/body-too-large",
      `the body is larger than ${maxBytes} bytes (${bytes} so far)`,
    );
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw tooLarge(declared);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > maxBytes) throw tooLarge(size);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
