import { expect, test } from "vitest";
import { takeTurns } from "./take-turns.ts";

/** Things that note when they are opened and closed. */
function record(): { log: string[]; thing(name: string): { close(): Promise<void> } } {
  const log: string[] = [];
  return {
    log,
    thing(name) {
      log.push(`open ${name}`);
      return {
        async close() {
          await Promise.resolve();
          log.push(`close ${name}`);
        },
      };
    },
  };
}

test("one is closed before the next is made, and asked for again it is made anew", async () => {
  const { log, thing } = record();
  const turns = takeTurns();
  const a = turns.lazily(() => thing("a"));
  const b = turns.lazily(() => thing("b"));
  const [first, same] = await Promise.all([a(), a()]);
  expect(same).toBe(first);
  await b();
  expect(await a()).not.toBe(first);
  await turns.close();
  await turns.close();
  expect(log).toEqual(["open a", "close a", "open b", "close b", "open a", "close a"]);
});

test("never are two open, however they are asked for", async () => {
  const { log, thing } = record();
  const turns = takeTurns();
  const each = ["a", "b", "c"].map((name) => turns.lazily(() => thing(name)));
  await Promise.all([...each, ...each].map((open) => open()));
  await turns.close();
  let open = 0;
  for (const line of log) {
    open += line.startsWith("open") ? 1 : -1;
    expect(open).toBeLessThanOrEqual(1);
  }
  expect(open).toBe(0);
});

test("one that cannot be made is told to whoever asked, and the next is made", async () => {
  const { log, thing } = record();
  const turns = takeTurns();
  const broken = turns.lazily((): { close(): Promise<void> } => {
    throw new Error("no room");
  });
  const other = turns.lazily(() => thing("other"));
  await expect(broken()).rejects.toThrow("no room");
  await other();
  await turns.close();
  expect(log).toEqual(["open other", "close other"]);
});
