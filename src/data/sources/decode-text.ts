/** Bytes to text by looking at the bytes: what servers and headers declare is often wrong. */

/** 0x80 to 0x9f of windows-1252; the five unused bytes are C1 controls, as in the Encoding Standard. */
const UPPER = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** Node's own decoder for windows-1252 leaves these bytes as controls up to Node 22. */
function decodeWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString("latin1")
    .replaceAll(/[\x80-\x9f]/g, (char) => UPPER[char.charCodeAt(0) - 0x80]!);
}

/** A byte order mark decides; else valid UTF-8; else windows-1252, which is total. */
export function decodeText(bytes: Uint8Array): { text: string; encoding: string } {
  const decode = (encoding: string): { text: string; encoding: string } => ({
    text: new TextDecoder(encoding).decode(bytes),
    encoding,
  });
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decode("utf-16le");
  if (firstInvalidUtf8(bytes) === -1) return decode("utf-8");
  return { text: decodeWindows1252(bytes), encoding: "windows-1252" };
}

/** Offset of the first byte that is not UTF-8, or -1; an incomplete character at the end counts only if `final`. */
export function firstInvalidUtf8(bytes: Uint8Array, final = true): number {
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i]!;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const length =
      lead >= 0xc2 && lead < 0xe0
        ? 2
        : lead >= 0xe0 && lead < 0xf0
          ? 3
          : lead >= 0xf0 && lead < 0xf5
            ? 4
            : 0;
    if (length === 0) return i;
    for (let k = 1; k < length; k++) {
      const next = bytes[i + k];
      if (next === undefined) return final ? i : -1;
      // The second byte of some leads is narrower: no overlong forms, no surrogates, nothing past U+10FFFF.
      const low = k > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const high = k > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      if (next < low || next > high) return i;
    }
    i += length;
  }
  return -1;
}
