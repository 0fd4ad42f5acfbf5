import { expect, it } from "vitest";
import { forecastText } from "./training-forecast.ts";

it("the table of stages fits 80 columns without colour", () => {
  const memory = { process: 1e8, data: 1e8, weights: 1.5e10, optimizer: 1e9, activations: 1.1e10 };
  const seconds = { likely: 4000, low: 2800, high: 6400 };
  const evaluate = {
    peak: 6.4e10,
    memory: { process: 1e8, weights: 6.2e10, caches: 1.1e9, activations: 1e9 },
  };
  const text = forecastText(
    (["base", "train", "preference"] as const).map((stage) => ({
      stage,
      trainable: 8.03e9,
      steps: 100_000,
      peak: 2.7e10,
      memory,
      seconds,
      assumed: true,
    })),
    evaluate,
    { limit: 24e9, available: 24e9 },
    (_style, plain) => plain,
  );
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(text).toMatch(/^ {2}evaluate +64\.0 GB$/m);
});
