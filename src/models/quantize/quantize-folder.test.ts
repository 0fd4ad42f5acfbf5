/** Folders quantized on disk, and what bitsandbytes stores (test/golden/make-nf4.py). */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../../test/fakes/tiny-model.ts";
import { packageRoot } from "../../core/package-root.ts";
import { writeModel } from "../folder.ts";
import {
  type TensorEntry,
  openSafetensors,
  readFloats,
  streamSafetensors,
  writeSafetensors,
} from "../safetensors.ts";
import { readPrequantized } from "./bitsandbytes.ts";
import { type Quantization } from "./index.ts";
import { nf4 } from "./nf4.ts";
import { quantizeFolder } from "./quantize-folder.ts";
import { quantizeModel } from "./quantized-model.ts";

const GOLDEN = join(packageRoot(), "test", "golden", "nf4-linear.safetensors");
const signal = new AbortController().signal;
const model = tinyModel(5);

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "twainbot-quantize-"));
});
afterEach(() => rm(root, { recursive: true }));
const at = (name: string): string => join(root, name);
const options = () => ({ cache: at("cache"), signal });
const failure = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

describe("a folder", () => {
  beforeEach(() => writeModel(at("model"), model.config, model.tensors));

  test.each<Quantization>(["nf4", "int4", "int8", "f16", "bf16"])(
    "as %s is what quantizing in memory gives, also from the cache",
    async (quantization) => {
      const expected = quantizeModel(model, quantization).packed;
      const first = await quantizeFolder(at("model"), quantization, options());
      expect(first.packed).toEqual(expected);
      // The source is not read again: only its hash is.
      const again = await quantizeFolder(at("model"), quantization, options());
      expect([again.hash, again.packed]).toEqual([first.hash, first.packed]);
      expect(await readdir(at("cache"))).toEqual([`${first.hash}.safetensors`]);
    },
  );

  test("of other weights or another quantization has another cache file", async () => {
    await quantizeFolder(at("model"), "nf4", options());
    await quantizeFolder(at("model"), "int8", options());
    await writeModel(at("model"), model.config, tinyModel(6).tensors);
    const other = await quantizeFolder(at("model"), "nf4", options());
    expect(other.packed).toEqual(quantizeModel(tinyModel(6), "nf4").packed);
    expect(await readdir(at("cache"))).toHaveLength(3);
  });

  test("leaves nothing behind when it is stopped or cannot be read", async () => {
    const stopped = AbortSignal.abort();
    const cache = at("cache");
    await expect(quantizeFolder(at("model"), "nf4", { cache, signal: stopped })).rejects.toThrow();
    const broken = new Map(model.tensors).set("model.layers.1.mlp.up_proj.weight", {
      shape: [40, 24],
      data: new Float32Array(960).fill(Number.NaN),
    });
    await writeModel(at("model"), model.config, broken);
    await expect(quantizeFolder(at("model"), "nf4", options())).rejects.toThrowError(
      failure("model/not-finite", "model.safetensors: model.layers.1.mlp.up_proj.weight holds NaN"),
    );
    await writeSafetensors(at("model/model.safetensors"), new Map([...model.tensors].slice(1)));
    await expect(quantizeFolder(at("model"), "nf4", options())).rejects.toThrowError(
      failure("model/tensor-missing", "model.embed_tokens.weight"),
    );
    expect(await readdir(cache).catch(() => [])).toEqual([]);
  });

  test("notices a cache file of the wrong shape", async () => {
    const { hash } = await quantizeFolder(at("model"), "nf4", options());
    await writeSafetensors(
      at(`cache/${hash}.safetensors`),
      new Map([...model.tensors].slice(0, 2)),
    );
    await expect(quantizeFolder(at("model"), "nf4", options())).rejects.toThrowError(
      failure("model/bad-safetensors", hash),
    );
  });
});

test("a layer that bitsandbytes stored gives its numbers", async () => {
  const file = await openSafetensors(GOLDEN);
  const parts = await readPrequantized(file, GOLDEN, "layer.weight", [48, 40]);
  const { data: expected } = await readFloats(file, GOLDEN, "dequantized");
  await file.close();
  // It rounds to the type of the weights before quantization, bfloat16, which we do not.
  const rounded = nf4.unpack(parts, [48, 40]).map((x) => {
    const bits = new Uint32Array(Float32Array.of(x).buffer);
    bits[0] = (((bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) >>> 16) << 16) >>> 0;
    return new Float32Array(bits.buffer)[0]!;
  });
  expect(rounded).toEqual(expected);
});

/** Entries of a file with their bytes, to be changed and written again. */
type Stored = Map<string, TensorEntry & { bytes: Uint8Array }>;
async function stored(path: string): Promise<Stored> {
  const file = await openSafetensors(path);
  const all: Stored = new Map();
  for (const [name, { dtype, shape }] of file.entries)
    all.set(name, { dtype, shape, bytes: await file.read(name) });
  await file.close();
  return all;
}
const write = (path: string, all: Stored): Promise<void> =>
  streamSafetensors(
    path,
    all,
    {},
    [...all.values()].map(({ bytes }) => bytes),
  );

const STATE = "layer.weight.quant_state.bitsandbytes__nf4";
const text = (value: unknown) => {
  const bytes = new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
  return { dtype: "U8" as const, shape: [bytes.length], bytes };
};

describe("a quantization state is refused", () => {
  const state = (changes: Record<string, unknown>) => (all: Stored) => {
    const json = JSON.parse(new TextDecoder().decode(all.get(STATE)!.bytes)) as object;
    all.set(STATE, text({ ...json, ...changes }));
  };
  const cases: [string, string, (all: Stored) => void][] = [
    ["that is missing", "missing", (all) => all.delete(STATE)],
    ["that is no JSON", "not JSON", (all) => all.set(STATE, text("{"))],
    ["that is huge", "no state", (all) => all.set(STATE, text(" ".repeat(70_000)))],
    ["of FP4", "quant_type", state({ quant_type: "fp4" })],
    ["of other blocks", "blocksize", state({ blocksize: 128 })],
    ["without double quantization", "nested_blocksize", state({ nested_blocksize: undefined })],
    ["of another shape", "[40, 48]", state({ shape: [40, 48] })],
    [
      "with scales that overflow",
      "not finite",
      (all) => {
        all.get("layer.weight.nested_absmax")!.bytes.fill(0xff);
      },
    ],
    ["without scales", "absmax is missing", (all) => all.delete("layer.weight.absmax")],
    [
      "with another codebook",
      "codebook",
      (all) => {
        all.get("layer.weight.quant_map")!.bytes.fill(0);
      },
    ],
    [
      "with another map",
      "dynamic map",
      (all) => {
        all.get("layer.weight.nested_quant_map")!.bytes[3] = 1;
      },
    ],
    [
      "with too few codes",
      "U8 of 959",
      (all) => {
        const { bytes } = all.get("layer.weight")!;
        all.set("layer.weight", { dtype: "U8", shape: [959], bytes: bytes.subarray(1) });
      },
    ],
  ];
  test.each(cases)("%s", async (_name, says, change) => {
    const all = await stored(GOLDEN);
    change(all);
    const path = at("x.safetensors");
    await write(path, all);
    const file = await openSafetensors(path);
    await expect(readPrequantized(file, path, "layer.weight", [48, 40])).rejects.toThrowError(
      failure("model/quant-state", says),
    );
    await file.close();
  });
});

test("a folder that bitsandbytes quantized is taken as it is, as NF4 only", async () => {
  const packed = quantizeModel(model, "nf4").packed;
  const golden = await stored(GOLDEN);
  const all: Stored = new Map();
  const bytesOf = (data: ArrayBufferView): Uint8Array =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (const [name, { shape, parts, format }] of packed) {
    if (format !== nf4) {
      const { data } = model.tensors.get(name)!;
      all.set(name, { dtype: "F32", shape, bytes: bytesOf(data) });
      continue;
    }
    for (const [suffix, { dtype, shape: size }] of Object.entries(nf4.parts(shape)))
      if (suffix !== ".nested_offset")
        all.set(name + suffix, {
          dtype: dtype === "uint8" ? "U8" : "F32",
          shape: size,
          bytes: bytesOf(parts[suffix]!),
        });
    for (const map of [".quant_map", ".nested_quant_map"])
      all.set(name + map, golden.get(`layer.weight${map}`)!);
    all.set(
      `${name}.quant_state.bitsandbytes__nf4`,
      text({
        quant_type: "nf4",
        blocksize: 64,
        dtype: "bfloat16",
        shape,
        nested_blocksize: 256,
        nested_dtype: "float32",
        nested_offset: Number(parts[".nested_offset"]![0]),
      }),
    );
  }
  await writeModel(at("model"), tinyConfig, model.tensors);
  await write(at("model/model.safetensors"), all);
  expect((await quantizeFolder(at("model"), "nf4", options())).packed).toEqual(packed);
  await expect(quantizeFolder(at("model"), "int8", options())).rejects.toThrowError(
    failure("model/quant-state", "already quantized"),
  );
});
