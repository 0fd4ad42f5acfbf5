/**
 * The inner loop of MinHash as WebAssembly with 128-bit vectors: JavaScript has no integers four at a time. Assembled
 * here, from the WebAssembly core specification 2.0 (binary format, and vector instructions).
 */

/** Permutations that one call handles: four vectors of four, so that no addition waits for the multiplication before it. */
export const LANES = 16;
const VECTORS = LANES / 4;

const I32 = 0x7f;
const V128 = 0x7b;
const [LOOP, NOTHING, BRANCH_IF, END] = [0x03, 0x40, 0x0d, 0x0b] as const;
const [I32_CONST, I32_ADD, I32_LESS] = [0x41, 0x6a, 0x49] as const;
const [TYPES, IMPORTS, FUNCTIONS, EXPORTS, CODE] = [1, 2, 3, 7, 10] as const;
const localGet = (index: number): number[] => [0x20, index];
const localSet = (index: number): number[] => [0x21, index];
const localTee = (index: number): number[] => [0x22, index];

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}
const vector = (code: number): number[] => [0xfd, ...leb(code)];
/** Alignment is a hint: 2 is four bytes. */
const vectorAt = (code: number, offset: number): number[] => [...vector(code), 2, ...leb(offset)];
const LOAD = 0;
const LOAD_SPLAT = 9;
const STORE = 11;
const ADD = vector(174);
const MULTIPLY = vector(181);
const LEAST = vector(182);

const section = (id: number, ...items: number[][]): number[] => {
  const body = [...leb(items.length), ...items.flat()];
  return [id, ...leb(body.length), ...body];
};

/** `minima(block, from, to)`: addresses in bytes; `to` is behind the last shingle, and there is at least one. */
function assemble(): Uint8Array<ArrayBuffer> {
  const [block, from, to, shingle] = [0, 1, 2, 3];
  const each = Array.from({ length: VECTORS }, (_, i) => i);
  const factor = (i: number): number => 4 + i;
  const offset = (i: number): number => 4 + VECTORS + i;
  const least = (i: number): number => 4 + 2 * VECTORS + i;
  const load = (local: number, at: number): number[] => [
    ...localGet(block),
    ...vectorAt(LOAD, at),
    ...localSet(local),
  ];
  const code = [
    // The vectors: the shingle four times, and what each permutation needs.
    [1, ...leb(1 + 3 * VECTORS), V128],
    ...each.map((i) => load(factor(i), 16 * i)),
    ...each.map((i) => load(offset(i), 16 * (VECTORS + i))),
    ...each.map((i) => load(least(i), 16 * (2 * VECTORS + i))),
    [LOOP, NOTHING],
    [...localGet(from), ...vectorAt(LOAD_SPLAT, 0), ...localSet(shingle)],
    ...each.flatMap((i) => [
      [...localGet(shingle), ...localGet(factor(i)), ...MULTIPLY],
      [...localGet(offset(i)), ...ADD],
      [...localGet(least(i)), ...LEAST, ...localSet(least(i))],
    ]),
    [...localGet(from), I32_CONST, 4, I32_ADD, ...localTee(from)],
    [...localGet(to), I32_LESS, BRANCH_IF, 0, END],
    ...each.map((i) => [
      ...localGet(block),
      ...localGet(least(i)),
      ...vectorAt(STORE, 16 * (2 * VECTORS + i)),
    ]),
    [END],
  ].flat();
  const text = (name: string): number[] => [...leb(name.length), ...Buffer.from(name)];
  const module = [
    [...Buffer.from("\0asm"), 1, 0, 0, 0],
    section(TYPES, [0x60, 3, I32, I32, I32, 0]),
    section(IMPORTS, [...text("host"), ...text("memory"), 0x02, 0x00, 1]),
    section(FUNCTIONS, [0]),
    section(EXPORTS, [...text("minima"), 0x00, 0]),
    section(CODE, [...leb(code.length), ...code]),
  ];
  return Uint8Array.from(module.flat());
}

type Minima = (block: number, from: number, to: number) => void;

/** What of it is used here: TypeScript has its types for browsers only. */
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: object) => { readonly exports: { minima: Minima } };
};

export interface MinimaKernel {
  /** What addresses are of. At a block lie factors, offsets and the least values so far, `LANES` integers each. */
  memory: Int32Array;
  /**
   * Puts into the block at address `block`, for each of its permutations, the least value over the shingles from
   * address `from` to `to`: `shingle · factor + offset` in wrapping 32-bit integers, compared as signed ones.
   */
  minima: Minima;
}

const PAGE = 1 << 16;

/** A kernel with room for so many integers. */
export function createMinimaKernel(integers: number): MinimaKernel {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * integers) / PAGE) });
  const kernel = new WebAssembly.Instance(new WebAssembly.Module(assemble()), {
    host: { memory },
  });
  return { memory: new Int32Array(memory.buffer), minima: kernel.exports.minima };
}
