/**
 * TwainBot's MinHash signatures beside those of datasketch and datatrove, in turns on one machine, the same texts,
 * word 5-grams and 112 permutations: `npx tsx bench/peers/compare-signatures.ts --python venv/bin/python [--rounds 3]`.
 * A core's processor time is counted, so other work on the machine does not.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { writeJsonl } from "../../src/core/jsonl.ts";
import { createRandom } from "../../src/core/random.ts";
import { openBenchText } from "../../src/data/bench-documents.ts";
import { createBander, hashShingles } from "../../src/data/steps/minhash.ts";

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    rounds: { type: "string", default: "3" },
  },
});
const BANDS = 14;
const ROWS = 8;

const Peer = z.object({ name: z.string(), documentsPerSecond: z.number() });

/** Documents a second of processor time, the best of some passes over texts that the others read too. */
function ours(texts: readonly string[]): number {
  const bander = createBander(BANDS, ROWS, createRandom(1));
  let best = Infinity;
  for (let pass = 0; pass < 12; pass++) {
    const before = process.cpuUsage();
    for (const text of texts) bander(hashShingles(text, 5));
    const { user, system } = process.cpuUsage(before);
    // The first passes are the compiler's.
    if (pass > 1) best = Math.min(best, (user + system) / 1e6);
  }
  return texts.length / best;
}

const folder = await mkdtemp(join(tmpdir(), "twainbot-peers-"));
try {
  const file = join(folder, "texts.jsonl");
  const words = await openBenchText(1);
  const texts = Array.from({ length: 3000 }, (_, i) => words.passage(200, `signed ${i}`));
  await writeJsonl(
    file,
    texts.map((text) => ({ text })),
  );
  for (let round = 1; round <= Number(values.rounds); round++) {
    const own = ours(texts);
    const peers = execFileSync(values.python, [join(import.meta.dirname, "signatures.py"), file], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
      .trim()
      .split("\n")
      .map((line) => Peer.parse(JSON.parse(line)));
    const others = peers.map(
      ({ name, documentsPerSecond: rate }) =>
        `${name} ${rate.toFixed(0)}, ours ${(own / rate).toFixed(1)} times that`,
    );
    process.stdout.write(
      `round ${round}: TwainBot ${own.toFixed(0)} documents/s; ${others.join("; ")}\n`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
