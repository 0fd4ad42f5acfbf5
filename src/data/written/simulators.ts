/** Simulators for several who each need a clock of their own for a moment. */
import type { Place } from "../../weather/place.ts";
import { type Simulator, createSimulator } from "../synth/simulator.ts";
import type { WrittenSources } from "./written-kind.ts";

/** Makes no more of them than are in use at once: each has an index of all places. */
export function openSimulators(world: readonly Place[]): WrittenSources["at"] {
  const free: Simulator[] = [];
  return async (now, use) => {
    const simulator = free.pop() ?? createSimulator(world);
    simulator.set(now);
    try {
      return await use(simulator);
    } finally {
      free.push(simulator);
    }
  };
}
