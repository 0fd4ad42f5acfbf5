import fc from "fast-check";
import { expect, test } from "vitest";
import { type Amount, createBudget } from "./budget.ts";

/** Requests of tasks, each with what it really takes; all may take 10 tokens of each kind. */
const plan = fc.array(
  fc.array(fc.record({ input: fc.nat(10), output: fc.nat(10), turns: fc.nat(3) }), {
    minLength: 1,
    maxLength: 3,
  }),
  { maxLength: 12 },
);
const WORST: Amount = { requests: 1, input: 10, output: 10 };

/** What is admitted with so many tasks at once, each request taking its turns of the event loop. */
async function admitted(
  tasks: readonly (readonly { input: number; output: number; turns: number }[])[],
  limits: { requests?: number; tokens?: number },
  concurrency: number,
): Promise<{ granted: boolean[][]; spent: Amount }> {
  const budget = createBudget(limits, undefined);
  const granted: boolean[][] = tasks.map(() => []);
  const running = new Set<Promise<void>>();
  for (const [number, requests] of tasks.entries()) {
    budget.open(number, { requests: 3, input: 30, output: 30 });
    const work = (async () => {
      for (const { input, output, turns } of requests) {
        const ok = await budget.admit(number, WORST);
        granted[number]!.push(ok);
        if (!ok) break;
        budget.spend(number, { requests: 1, input: 0, output: 0 });
        for (let turn = 0; turn < turns; turn++)
          await new Promise((resolve) => setImmediate(resolve));
        budget.spend(number, { requests: 0, input, output });
      }
      budget.close(number);
    })();
    running.add(work);
    void work.then(() => running.delete(work));
    if (running.size >= concurrency) await Promise.race(running);
  }
  await Promise.all(running);
  return { granted, spent: budget.spent() };
}

test("a budget ends at the same request for any number at once, is never overspent, and then stays ended", async () => {
  await fc.assert(
    fc.asyncProperty(
      plan,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 20, max: 300 }),
      fc.integer({ min: 2, max: 8 }),
      async (tasks, requests, tokens, concurrency) => {
        const limits = { requests, tokens };
        const one = await admitted(tasks, limits, 1);
        const many = await admitted(tasks, limits, concurrency);
        expect(many).toEqual(one);
        expect(one.spent.requests).toBeLessThanOrEqual(requests);
        expect(one.spent.input + one.spent.output).toBeLessThanOrEqual(tokens);
        const flat = one.granted.flat();
        const end = flat.indexOf(false);
        if (end >= 0) expect(flat.slice(end).every((ok) => !ok)).toBe(true);
      },
    ),
  );
});

test("money is tokens by their prices", async () => {
  const budget = createBudget({ cost: 1 }, { input: 2, output: 10 });
  budget.open(0, { requests: 1, input: 100_000, output: 50_000 });
  expect(await budget.admit(0, { requests: 1, input: 100_000, output: 50_000 })).toBe(true);
  budget.spend(0, { requests: 1, input: 100_000, output: 50_000 });
  expect(await budget.admit(0, { requests: 1, input: 200_000, output: 0 })).toBe(false);
});

test("without limits everything is let through", async () => {
  const budget = createBudget({}, undefined);
  budget.open(0, WORST);
  for (let i = 0; i < 100; i++) {
    expect(await budget.admit(0, WORST)).toBe(true);
    budget.spend(0, { requests: 1, input: 1e9, output: 1e9 });
  }
});
