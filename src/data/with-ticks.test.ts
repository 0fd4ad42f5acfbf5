import { expect, test } from "vitest";
import { withTicks } from "./with-ticks.ts";

/** Gives each item when its gate is opened. */
function gated(count: number): {
  items: AsyncGenerator<number>;
  open(): void;
  ended: () => boolean;
} {
  const gates = Array.from({ length: count }, () => {
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { opened, open };
  });
  let at = 0;
  let ended = false;
  async function* items(): AsyncGenerator<number> {
    try {
      for (const [i, { opened }] of gates.entries()) {
        await opened;
        yield i;
      }
    } finally {
      ended = true;
    }
  }
  return { items: items(), open: () => gates[at++]!.open(), ended: () => ended };
}

test("every item comes once and in order, with ticks only while one is waited for", async () => {
  const { items, open, ended } = gated(3);
  const seen: number[] = [];
  let ticks = 0;
  for await (const next of withTicks(items, 1)) {
    if (next) seen.push(next.item);
    else {
      ticks++;
      // The item is not given before somebody was told that it is waited for.
      open();
    }
  }
  expect(seen).toEqual([0, 1, 2]);
  expect(ticks).toBeGreaterThanOrEqual(3);
  expect(ended()).toBe(true);
});

test("whoever stops early ends the stream, and a failure reaches whoever waits", async () => {
  const { items, open, ended } = gated(2);
  open();
  for await (const next of withTicks(items, 1)) if (next) break;
  expect(ended()).toBe(true);
  async function* failing(): AsyncGenerator<number> {
    yield 1;
    throw new Error("broken");
  }
  const seen: unknown[] = [];
  await expect(
    (async () => {
      for await (const next of withTicks(failing(), 1000)) seen.push(next);
    })(),
  ).rejects.toThrow("broken");
  expect(seen).toEqual([{ item: 1 }]);
});
