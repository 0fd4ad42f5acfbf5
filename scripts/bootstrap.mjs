/** What `npm start` and `npm test` do before anything of the project can run: plain Node, no dependency. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const modified = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0);

/** The newest change below `path`, its folders included: a deleted file changes its folder. */
function newest(path) {
  const at = modified(path);
  if (at === 0 || !statSync(join(root, path)).isDirectory()) return at;
  const inside = readdirSync(join(root, path))
    .filter((name) => name !== "node_modules" && name !== "dist")
    .map((name) => newest(join(path, name)));
  return Math.max(at, ...inside);
}

/** Runs a program in the project's folder; signals go on to it. Resolves to its exit code. */
export function run(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
  const pass = (signal) => child.kill(signal);
  process.on("SIGINT", pass).on("SIGTERM", pass);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", pass).off("SIGTERM", pass);
      resolve(code ?? (signal === "SIGINT" || signal === "SIGTERM" ? 130 : 1));
    });
  });
}

/** The npm that started us, or the one on the path. */
function npm(...args) {
  const own = process.env.npm_execpath;
  if (own && /npm-cli\.c?js$/.test(own)) return run(process.execPath, [own, ...args]);
  return run("npm", args, { shell: process.platform === "win32" });
}

const seconds = (since) => `${Math.round((performance.now() - since) / 1000)} s`;

async function step(message, work, advice) {
  console.error(message);
  const since = performance.now();
  const code = await work();
  if (code !== 0) {
    if (code !== 130) console.error(`\nThat failed (exit code ${code}). ${advice}`);
    process.exit(code);
  }
  console.error(`Done in ${seconds(since)}.\n`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`TwainBot needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

/** Installs the packages of package-lock.json unless they are there already. */
export async function install() {
  checkNode();
  // npm writes this file last, so a broken installation does not have it.
  if (modified("node_modules/.package-lock.json") >= modified("package-lock.json")) return;
  await step(
    "Installing packages: about 400 MB, usually under a minute, and only this once …",
    async () => {
      const code = await npm("ci");
      // A lock file that was only touched must not bring the next start here again.
      if (code === 0)
        utimesSync(join(root, "node_modules/.package-lock.json"), new Date(), new Date());
      return code;
    },
    "Packages come from the npm registry that this machine is set up for: is it within reach?",
  );
}

const SOURCES = [
  "src",
  "recipes",
  "web",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
];
const STAMP = "dist/.built";

/** Compiles the program and the chat page unless both are newer than their sources. */
export async function build() {
  if (modified(STAMP) > Math.max(...SOURCES.map(newest))) return;
  const started = new Date();
  await step(
    "Building the program and the chat page: some seconds …",
    async () => {
      rmSync(join(root, "dist"), { recursive: true, force: true });
      return npm("run", "--silent", "build");
    },
    "The messages above say where.",
  );
  writeFileSync(join(root, STAMP), "");
  // As of the beginning: what was edited meanwhile is built the next time.
  utimesSync(join(root, STAMP), started, started);
}

/** A command of the built program. */
export const twainbot = (...args) =>
  run(process.execPath, [join(root, "dist/src/cli/main.js"), ...args]);
