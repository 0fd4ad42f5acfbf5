/** Whether the devices that a recipe trains on work here: asked before a base is trained for an adapter that cannot be. */
import type { StageName } from "../core/events.ts";
import type { Recipe, TrainingConfig } from "../core/recipe.ts";
import { requireDevice } from "../engine/index.ts";

/** Throws `engine/no-webgpu` where one of `stages` would train on a device that does not work; each is tried once. */
export async function requireDevices(
  { base, dapt, train, preference }: Recipe,
  stages: readonly StageName[],
  signal: AbortSignal,
): Promise<void> {
  const sections: Partial<Record<StageName, TrainingConfig | undefined>> = {
    base: base.kind === "scratch" ? base.training : undefined,
    dapt,
    train,
    preference,
  };
  const devices = new Set(stages.flatMap((stage) => sections[stage]?.device ?? []));
  for (const device of devices) await requireDevice(device, signal);
}
