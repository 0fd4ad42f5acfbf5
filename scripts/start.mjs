/**
 * `npm start`: from a bare checkout to a trained model that answers in the browser.
 *
 *     npm start -- [--no-serve] [--port N] [--host A] [--weather …] [--runs DIR] [key=value …]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build, install, root, twainbot } from "./bootstrap.mjs";

const RECIPE = "nano";
/** Options of `serve`; all take a value. Everything else goes to `run`. */
const SERVE_OPTIONS = ["--port", "--host", "--weather"];

const forRun = [];
const forServe = [];
let serve = true;
let runs = join(root, "runs");
let name = RECIPE;
const args = process.argv.slice(2);
for (let i = 0; i < args.length; i++) {
  const [option] = args[i].split("=");
  if (args[i] === "--no-serve") serve = false;
  else if (SERVE_OPTIONS.includes(option) || option === "--runs") {
    const value = args[i].includes("=") ? args[i].slice(option.length + 1) : args[++i];
    if (value === undefined) {
      console.error(`${option} needs a value.`);
      process.exit(2);
    }
    if (option === "--runs") runs = value;
    else forServe.push(option, value);
  } else {
    if (option === "name") name = args[i].slice("name=".length);
    forRun.push(args[i]);
  }
}

await install();
await build();

if (!existsSync(join(runs, name, "evaluate", "manifest.json"))) {
  console.error(
    `Running the recipe ${RECIPE}: data, training and evaluation on this machine's processor.`,
  );
  console.error(
    "The first time takes some ten minutes on two cores; after that finished stages are skipped.\n",
  );
}
const code = await twainbot("run", RECIPE, "--runs", runs, ...forRun);
if (code !== 0 || !serve) process.exit(code);
process.exit(await twainbot("serve", "--run", join(runs, name), ...forServe));
