import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { lockRun } from "./run-lock.ts";

let dir: RunDir;
beforeAll(async () => {
  dir = runDir(await mkdtemp(join(tmpdir(), "twainbot-lock-")));
});
afterAll(() => rm(dir.root, { recursive: true, force: true }));

const path = (): string => join(dir.root, ".lock");
const hold = (lock: unknown): Promise<void> => writeFile(path(), JSON.stringify(lock));

test("given back, the run is free again", async () => {
  const unlock = await lockRun(dir);
  expect(JSON.parse(await readFile(path(), "utf8"))).toMatchObject({ pid: process.pid });
  await unlock();
  await expect(access(path())).rejects.toThrow();
});

test("a living process keeps its run; once it is gone the lock is taken over", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  const stat = await readFile(`/proc/${child.pid}/stat`, "utf8").catch(() => undefined);
  const ticks = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  await hold({ pid: child.pid, host: hostname(), ticks });
  await expect(lockRun(dir)).rejects.toMatchObject({
    code: "cli/run-locked",
    message: expect.stringContaining(String(child.pid)),
  });
  child.kill("SIGKILL");
  await once(child, "close");
  const unlock = await lockRun(dir);
  await unlock();
});

test.runIf(process.platform === "linux")(
  "a number that another process has by now is not the one that locked",
  async () => {
    await hold({ pid: process.ppid, host: hostname(), ticks: "1" });
    const unlock = await lockRun(dir);
    await unlock();
  },
);

test("another machine's lock is believed, and the hint says how to remove it", async () => {
  await hold({ pid: 1, host: "elsewhere", ticks: null });
  await expect(lockRun(dir)).rejects.toMatchObject({
    code: "cli/run-locked",
    hint: expect.stringContaining(path()),
  });
  await rm(path());
});

test("a torn lock file does not lock", async () => {
  await writeFile(path(), '{"pid":');
  const unlock = await lockRun(dir);
  await unlock();
});
