/**
 * TwainBot's training step beside that of transformers + PEFT + PyTorch, in turns on one machine:
 * `npx tsx bench/peers/compare.ts --python venv/bin/python [--layers 30] [--rows 4] [--length 512] [--rounds 3] [--recompute layers|selective]`.
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { z } from "zod";

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    layers: { type: "string", default: "30" },
    rows: { type: "string", default: "4" },
    length: { type: "string", default: "512" },
    rounds: { type: "string", default: "3" },
    recompute: { type: "string" },
  },
});
const shape = ["--layers", values.layers, "--rows", values.rows, "--length", values.length];
const common = [...shape, "--steps", "3"];
const { recompute } = values;

const Peer = z.object({ tokensPerSecond: z.number(), peakGigabytes: z.number() });
const Ours = z.object({ figures: z.array(z.object({ name: z.string(), value: z.number() })) });

const run = (command: string, args: readonly string[]): unknown =>
  JSON.parse(
    execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );

function ours(): z.infer<typeof Peer> {
  const { figures } = Ours.parse(
    run("npx", [
      "tsx",
      "src/cli/main.ts",
      "bench",
      "train",
      "--json",
      ...common,
      ...(recompute ? ["--recompute", recompute] : []),
    ]),
  );
  const figure = (name: string): number => {
    const found = figures.find((one) => one.name === name);
    if (!found) throw new Error(`bench train has no figure ${name}`);
    return found.value;
  };
  return { tokensPerSecond: figure("training tokens"), peakGigabytes: figure("peak memory") };
}

const peer = (): z.infer<typeof Peer> =>
  // PEFT checkpoints layers or nothing.
  Peer.parse(
    run(values.python, [
      "bench/peers/lora_step.py",
      ...common,
      ...(recompute === "layers" ? ["--recompute"] : []),
    ]),
  );

for (let round = 1; round <= Number(values.rounds); round++) {
  // In turns: a machine that slows down slows both.
  const [own, other] = [ours(), peer()];
  const speed = own.tokensPerSecond / other.tokensPerSecond;
  const memory = own.peakGigabytes / other.peakGigabytes;
  process.stdout.write(
    `round ${round}: TwainBot ${own.tokensPerSecond.toFixed(0)} tokens/s, ${own.peakGigabytes.toFixed(2)} GB; ` +
      `PyTorch ${other.tokensPerSecond.toFixed(0)} tokens/s, ${other.peakGigabytes.toFixed(2)} GB; ` +
      `${speed.toFixed(2)} of its speed, ${memory.toFixed(2)} of its memory\n`,
  );
}
