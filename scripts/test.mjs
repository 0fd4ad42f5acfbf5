/** `npm test`: installs what is missing, then every test. Arguments go to vitest: `npm test -- src/data`. */
import { join } from "node:path";
import { install, root, run } from "./bootstrap.mjs";

await install();
process.exit(
  await run(process.execPath, [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    ...process.argv.slice(2),
  ]),
);
