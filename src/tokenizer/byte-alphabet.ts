/** GPT-2's alphabet: one printable character for each of the 256 bytes, so that BPE works on strings. */

const printable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) ||
  (byte >= 0xa1 && byte <= 0xac) ||
  (byte >= 0xae && byte <= 0xff);

/** Index: byte; value: its character. Bytes that do not print are moved to U+0100 and up, in order. */
export const byteCharacters: readonly string[] = (() => {
  let moved = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : 0x100 + moved++),
  );
})();

const bytes: ReadonlyMap<string, number> = new Map(
  byteCharacters.map((character, byte) => [character, byte]),
);

const encoder = new TextEncoder();

/** A text as a byte-level token spells it. */
export const byteToken = (text: string): string =>
  Array.from(encoder.encode(text), (byte) => byteCharacters[byte]).join("");

/** The bytes of a byte-level token, or undefined where a character is not of the alphabet. */
export function tokenBytes(token: string): Uint8Array | undefined {
  const found = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = bytes.get(token[i]!);
    if (byte === undefined) return undefined;
    found[i] = byte;
  }
  return found;
}
