import { describe, expect, test } from "vitest";
import { tinyConfig } from "../../test/fakes/tiny-model.ts";
import { ModelConfig } from "./config.ts";
import { contextLimit } from "./context-limit.ts";
import { rotations } from "./rope-parameters.ts";
import { ropeTable } from "./rope-table.ts";

const config = (more: object): ModelConfig => ModelConfig.parse({ ...tinyConfig, ...more });
const llama3 = {
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 32,
};

describe("old and new files say the same", () => {
  test.each([
    [{}, { rope_type: "default" }],
    [{ rope_scaling: { type: "linear", factor: 4 } }, { rope_type: "linear", factor: 4 }],
    [{ rope_scaling: { rope_type: "llama3", ...llama3 } }, { rope_type: "llama3", ...llama3 }],
    [
      { rope_scaling: { type: "su", short_factor: [1, 2, 3], long_factor: [4, 5, 6] } },
      { rope_type: "longrope", short_factor: [1, 2, 3], long_factor: [4, 5, 6] },
    ],
  ])("%j", (old, parameters) => {
    const theta = { rope_theta: 500 };
    expect(ropeTable(config({ ...old, ...theta }), 20)).toEqual(
      ropeTable(config({ rope_parameters: { ...parameters, ...theta } }), 20),
    );
  });
});

test("llama3 leaves fast pairs, divides slow ones, and never turns one faster than before or slower than divided", () => {
  const of = (more: object): number[] =>
    rotations(config({ head_dim: 64, rope_theta: 500_000, ...more })).frequencies;
  const plain = of({});
  const scaled = of({ rope_scaling: { rope_type: "llama3", ...llama3 } });
  expect(scaled[0]).toBe(plain[0]);
  expect(scaled.at(-1)).toBeCloseTo(plain.at(-1)! / 8, 12);
  scaled.forEach((frequency, i) => {
    expect(frequency).toBeLessThanOrEqual(plain[i]!);
    expect(frequency).toBeGreaterThanOrEqual(plain[i]! / 8);
    if (i > 0) expect(frequency).toBeLessThan(scaled[i - 1]!);
  });
});

test.each([
  [{ rope_scaling: { type: "yarn", factor: 4 } }, "model/unsupported", /"yarn"/],
  [{ rope_parameters: { rope_type: "proportional" } }, "model/unsupported", /"proportional"/],
  [{ rope_scaling: { type: 7 } }, "model/unsupported", /7/],
  [{ partial_rotary_factor: 0.5 }, "model/unsupported", /partial_rotary_factor 0\.5/],
  [{ rope_scaling: { type: "linear" } }, "model/bad-config", /factor/],
  [{ rope_scaling: { type: "llama3", ...llama3, factor: -1 } }, "model/bad-config", /factor/],
  [{ rope_scaling: { type: "longrope", short_factor: [1] } }, "model/bad-config", /1 numbers, 3/],
])("%j is refused by name", (more, code, message) => {
  expect(() => rotations(config(more))).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});

describe("a sequence is no longer than what is computed exactly", () => {
  test.each([
    ["plain Llama", {}, 64, undefined],
    ["Mistral without a window", { model_type: "mistral", sliding_window: null }, 64, undefined],
    ["Mistral with a window", { model_type: "mistral", sliding_window: 20 }, 20, 20],
    [
      "Mistral whose file does not say",
      { model_type: "mistral", max_position_embeddings: 9999 },
      4096,
      4096,
    ],
    ["Phi-3 with a window", { model_type: "phi3", sliding_window: 33 }, 33, 33],
    [
      "Qwen with its window off",
      { model_type: "qwen2", sliding_window: 20, use_sliding_window: false },
      64,
      undefined,
    ],
    [
      "Qwen with its window on",
      { model_type: "qwen3", sliding_window: 20, use_sliding_window: true },
      20,
      20,
    ],
    ["dynamic scaling", { rope_scaling: { type: "dynamic", factor: 2 } }, 64, 64],
    [
      "longrope",
      {
        rope_scaling: { type: "longrope", short_factor: [1, 1, 1] },
        original_max_position_embeddings: 16,
      },
      16,
      16,
    ],
  ])("%s", (_name, more, limit, refusedAfter) => {
    const parsed = config(more);
    expect(contextLimit(parsed)).toBe(limit);
    expect(ropeTable(parsed, limit).cos).toHaveLength(6 * limit);
    const longer = (): unknown => ropeTable(parsed, limit + 1);
    if (refusedAfter === undefined) expect(longer).not.toThrow();
    else
      expect(longer).toThrow(
        expect.objectContaining({
          code: "model/unsupported",
          message: expect.stringMatching(new RegExp(`${limit + 1} tokens.*\\b${limit} tokens`)),
        }),
      );
  });
});
