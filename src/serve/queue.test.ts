import fc from "fast-check";
import { expect, test } from "vitest";
import { createQueue } from "./queue.ts";

const tick = () => new Promise((resolve) => setImmediate(resolve));

test("never more than `running` inside or `waiting` in line; places are neither lost nor made", async () => {
  const step = fc.constantFrom("enter", "leave", "give up");
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.array(step, { maxLength: 40 }),
      async (running, waiting, steps) => {
        const queue = createQueue({ running, waiting });
        const inside: (() => void)[] = [];
        const line = new Set<AbortController>();
        const enter = async (): Promise<void> => {
          const abort = new AbortController();
          line.add(abort);
          await queue.enter(abort.signal).then(
            (release) => inside.push(release),
            (error: Error) => expect(["TwainError", "AbortError"]).toContain(error.name),
          );
          line.delete(abort);
        };
        const entering: Promise<void>[] = [];
        for (const action of steps) {
          const before = { inside: inside.length, line: line.size };
          if (action === "enter") {
            entering.push(enter());
            await tick();
            // Turned away only when both are full.
            const full = before.inside === running && before.line === waiting;
            expect(inside.length + line.size).toBe(before.inside + before.line + (full ? 0 : 1));
          } else if (action === "leave") {
            const release = inside.shift();
            release?.();
            release?.();
          } else [...line].at(0)?.abort();
          await tick();
          expect(inside.length).toBeLessThanOrEqual(running);
          expect(line.size).toBeLessThanOrEqual(waiting);
          if (line.size > 0) expect(inside.length).toBe(running);
        }
        while (inside.length > 0) {
          inside.shift()!();
          await tick();
        }
        await Promise.all(entering);
        expect(line.size).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});
