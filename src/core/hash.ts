/** SHA-256 of texts, values and files. */
import { createHash, hash as digest } from "node:crypto";
import { createReadStream } from "node:fs";
import { canonicalJson } from "./json.ts";

/** Hex SHA-256 of a string (as UTF-8) or of bytes. */
export function sha256(data: string | Uint8Array): string {
  return digest("sha256", data, "hex");
}

/** Hex SHA-256 of a JSON value, independent of key order. */
export function fingerprint(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** Hex SHA-256 and byte size of a file, read as a stream. */
export async function hashFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    const data = chunk as Buffer;
    hash.update(data);
    bytes += data.length;
  }
  return { sha256: hash.digest("hex"), bytes };
}
