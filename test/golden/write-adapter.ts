/**
 * For check-adapter.py: trains PEFT's golden adapters a little further with our trainer, and writes them
 * with our writer, beside the logits that we compute with them.
 *
 *     npx tsx test/golden/write-adapter.ts OUT
 */
import { existsSync } from "node:fs";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../../src/core/package-root.ts";
import { Decoder } from "../../src/generate/decoder.ts";
import { readModel } from "../../src/models/folder.ts";
import { mergeAdapter, readAdapter, writeAdapter } from "../../src/models/peft.ts";
import { packOnce } from "../../src/train/packing.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { tinyTraining } from "../fakes/tiny-model.ts";

const out = process.argv[2];
if (out === undefined) throw new Error("usage: write-adapter.ts OUT");
const root = join(packageRoot(), "test", "golden");
for (const name of await readdir(root)) {
  if (!existsSync(join(root, name, "golden.json"))) continue;
  const model = await readModel(join(root, name));
  const { modules, lora, tensors } = await readAdapter(join(root, name, "adapter"), model);
  const golden = JSON.parse(await readFile(join(root, name, "golden.json"), "utf8")) as {
    examples: { ids: number[]; trained: number[] }[];
  };
  const examples = golden.examples.map(({ ids, trained }, i) => ({
    id: `${i}`,
    ids: Int32Array.from(ids),
    trained: Uint8Array.from(trained),
  }));
  const trainer = new Trainer(model, { kind: "lora", modules }, tensors, {
    ...tinyTraining,
    sequenceLength: 40,
    microBatch: 1,
  });
  for (let step = 0; step < 10; step++) await trainer.train([...packOnce(examples, 1, 40)], 5e-3);
  const weights = trainer.state().weights;
  await writeAdapter(join(out, name), {
    lora: { ...lora, targets: "all-linear" },
    modules,
    tensors: weights,
    baseName: name,
    card: "",
  });
  await trainer.release();

  const ids = golden.examples[1]!.ids;
  const merged = mergeAdapter(model, await readAdapter(join(out, name), model));
  const decoder = new Decoder(merged, { slots: 1, contextTokens: 40 });
  const rows: Float32Array[] = [];
  for (const i of ids.keys()) rows.push(await decoder.prefill(ids.slice(0, i + 1), 0));
  await decoder.release();
  const logits = rows.map((row) => [...row]);
  await writeFile(join(out, name, "logits.json"), JSON.stringify({ ids, logits }));
}
