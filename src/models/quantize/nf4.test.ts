/** NF4 against bitsandbytes (test/golden/make-nf4.py). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../core/hash.ts";
import { packageRoot } from "../../core/package-root.ts";
import { dynamicMap } from "./dynamic-map.ts";
import { NF4_CODEBOOK, dequantizeNf4, nestAbsmax, nf4, quantizeNf4 } from "./nf4.ts";

interface Golden {
  name: string;
  shape: number[];
  packed: string;
  plainAbsmax: string;
  absmax: string;
  nestedAbsmax: string;
  offset: number;
  dequantizedSha256: string;
  plainDequantizedSha256: string;
}
const golden = JSON.parse(
  await readFile(join(packageRoot(), "test", "golden", "nf4.json"), "utf8"),
) as { codebook: string; dynamicMap: string; cases: Golden[] };

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
const floats = (text: string): Float32Array => new Float32Array(bytes(text).buffer);
const digest = (data: Float32Array): string => sha256(new Uint8Array(data.buffer));

/** `weights_of` of the maker. */
function weightsOf(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => {
    const bits = Number(((BigInt(i) * 2654435761n + 12345n) % (1n << 32n)) >> 8n);
    const power = (Math.floor(i / 64) * 7) % 5;
    return ((bits - 2 ** 23) / 2 ** 23 / 2 ** power) * 0.0625;
  });
}

/** The next float32 towards +∞ or -∞. */
function next(x: number, up: boolean): number {
  const bits = new Int32Array(Float32Array.of(x).buffer);
  if (x === 0) bits[0] = up ? 1 : -0x7fffffff;
  else bits[0]! += x > 0 === up ? 1 : -1;
  return new Float32Array(bits.buffer)[0]!;
}

function ties(): Float32Array {
  const middles = Float32Array.from({ length: 15 }, (_, i) =>
    Math.fround((NF4_CODEBOOK[i]! + NF4_CODEBOOK[i + 1]!) / 2),
  );
  const data = new Float32Array(128);
  data.set([1], 0);
  data.set([-1], 64);
  data.set(middles, 1);
  data.set(
    middles.map((x) => next(x, true)),
    65,
  );
  data.set(
    middles.map((x) => next(x, false)),
    80,
  );
  return data;
}

function inputOf(name: string, size: number): Float32Array {
  if (name === "ties at midpoints") return ties();
  if (name === "all zeros") return new Float32Array(size);
  const data = weightsOf(size);
  if (name === "blocks of zeros") data.fill(0, 64, 192);
  if (name === "an outlier") data[70] = 3e30;
  return data;
}

test("the tables are those of bitsandbytes", () => {
  expect(NF4_CODEBOOK).toEqual(floats(golden.codebook));
  expect(dynamicMap()).toEqual(floats(golden.dynamicMap));
});

describe.each(golden.cases)("$name", ({ name, shape, ...want }) => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = inputOf(name, size);
  const { codes, absmax } = quantizeNf4(data);

  test("codes and block scales are the same bytes", () => {
    expect(codes).toEqual(bytes(want.packed));
    expect(absmax).toEqual(floats(want.plainAbsmax));
    expect(digest(dequantizeNf4(codes, absmax, size))).toBe(want.plainDequantizedSha256);
  });

  test("double quantization is the same bytes around the same mean", () => {
    const nested = nestAbsmax(absmax, want.offset);
    expect(nested.codes).toEqual(bytes(want.absmax));
    expect(nested.scales).toEqual(floats(want.nestedAbsmax));
    // The mean itself depends on the order in which a device adds: two units in the last place.
    const own = nestAbsmax(absmax);
    expect(Math.abs(own.offset - want.offset)).toBeLessThanOrEqual(want.offset * 2 ** -22);
    expect(own.codes).toEqual(nested.codes);
  });

  test("dequantizes to the same numbers", () => {
    const parts = {
      "": bytes(want.packed),
      ".absmax": bytes(want.absmax),
      ".nested_absmax": floats(want.nestedAbsmax),
      ".nested_offset": Float32Array.of(want.offset),
    };
    expect(digest(nf4.unpack(parts, shape))).toBe(want.dequantizedSha256);
  });
});
