import { describe, expect, test } from "vitest";
import { createWatchdog } from "./watchdog.ts";

const config = { factor: 3, steps: 4, window: 20 };
/** At which loss it barks first, or -1. */
const barksAt = (losses: readonly number[], options = config): number => {
  const watch = createWatchdog(options);
  return losses.findIndex((loss) => watch(loss) !== undefined);
};
const usual = Array.from({ length: 30 }, (_, i) => 1 + 0.5 * Math.sin(i));

describe("the watchdog", () => {
  test("lets a usual loss, a falling one and single outliers pass", () => {
    expect(barksAt(usual)).toBe(-1);
    expect(barksAt(Array.from({ length: 300 }, (_, i) => 8 * 0.98 ** i))).toBe(-1);
    expect(barksAt(usual.map((loss, i) => (i % 4 === 0 ? 50 : loss)))).toBe(-1);
  });

  test("barks at the fourth loss on end that is over three times the median", () => {
    expect(barksAt([...usual, 9, 9, 9, 9, 9])).toBe(usual.length + 3);
    expect(barksAt([...usual, 9, 9, 9, 1, 9, 9, 9, 9])).toBe(usual.length + 7);
  });

  test("high losses do not become the usual ones", () => {
    expect(barksAt([...usual, ...Array<number>(200).fill(9)], { ...config, steps: 150 })).toBe(
      usual.length + 149,
    );
  });

  test("a factor of 0 turns it off; the first losses have nothing to go by", () => {
    expect(barksAt([...usual, 1e9, 1e9, 1e9, 1e9, 1e9], { ...config, factor: 0 })).toBe(-1);
    expect(barksAt([1, 50, 50, 50, 50, 50])).toBe(-1);
  });

  test("says the numbers", () => {
    const watch = createWatchdog({ factor: 2, steps: 1, window: 5 });
    for (const loss of [1, 2, 3, 2, 1]) watch(loss);
    expect(watch(7)).toBe(
      "the loss is 7.0000, and has been over 2 times its median of 2.0000 for 1 steps",
    );
  });
});
