/** The lines of a text file of any size, streamed. */
import { createReadStream } from "node:fs";
import { TwainError } from "../../core/errors.ts";
import { firstInvalidUtf8 } from "./decode-text.ts";

/** Without an end of line in so many characters it is no file of lines, and memory must not grow with it. */
const MAX_LINE = 16 << 20;

/** Lines of a UTF-8 file without their end. Throws `collect/not-utf8` with the byte offset, and `collect/too-large`. */
export async function* linesOf(path: string, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let offset = 0;
  let tail = Buffer.alloc(0);
  const check = (bytes: Buffer, final: boolean): Buffer => {
    const data = tail.length > 0 ? Buffer.concat([tail, bytes]) : bytes;
    const at = firstInvalidUtf8(data, final);
    if (at >= 0) {
      throw new TwainError(
        "collect/not-utf8",
        `${path}: byte ${offset - tail.length + at} is not UTF-8`,
        {
          hint: "Convert the file first, for instance with iconv -f windows-1252 -t utf-8.",
        },
      );
    }
    offset += bytes.length;
    let keep = 0;
    // The last character may be cut: its bytes are judged together with the next block.
    for (let back = 1; back <= Math.min(3, data.length); back++) {
      const byte = data[data.length - back]!;
      if (byte < 0x80) break;
      if (byte >= 0xc0) {
        keep = back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
        break;
      }
    }
    return data.subarray(data.length - keep);
  };
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 18 })) {
    const bytes = chunk as Buffer;
    tail = Buffer.from(check(bytes, false));
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    if (rest.length > MAX_LINE)
      throw new TwainError(
        "collect/too-large",
        `${path} has a line of more than ${MAX_LINE} characters`,
        { hint: "Is it a text file with a record on each line?" },
      );
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  check(Buffer.alloc(0), true);
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
