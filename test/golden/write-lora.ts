/**
 * Reads every golden adapter, writes it again with our writer, and beside it the logits that our engine
 * computes: `npx tsx test/golden/write-lora.ts DIR`, then `python test/golden/check-lora.py DIR`.
 */
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { readModel } from "../../src/models/folder.ts";
import { readAdapter, writeAdapter } from "../../src/models/peft.ts";
import { writeSafetensors } from "../../src/models/safetensors.ts";
import { runLora } from "./run-lora.ts";

const golden = join(import.meta.dirname, "lora");
const out = process.argv[2];
if (out === undefined) throw new Error("usage: write-lora.ts DIR");
const model = await readModel(join(golden, "base"));
await cp(join(golden, "base"), join(out, "base"), { recursive: true });
for (const name of await readdir(golden)) {
  if (name === "base") continue;
  const adapter = await readAdapter(join(golden, name), model);
  const lora = { ...adapter.lora, targets: adapter.modules.map((module) => module.name) };
  await writeAdapter(join(out, name), { ...adapter, lora, baseName: "base", card: "# golden\n" });
  const { logits } = await runLora(model, adapter);
  await writeSafetensors(
    join(out, name, "logits.safetensors"),
    new Map([["logits", { shape: logits!.shape, data: logits!.data as Float32Array }]]),
    {},
  );
}
