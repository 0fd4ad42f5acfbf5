/**
 * The runtime's arena (`BFCArena`, a best-fit allocator with coalescing) in numbers: which bytes of memory it will
 * have written to after a sequence of requests. Nothing is allocated.
 */
import type { MemoryStep } from "./memory-plan.ts";

interface Chunk {
  readonly region: number;
  readonly start: number;
  readonly size: number;
}

/** Every request is a multiple of this. */
const UNIT = 256;
/** The first region; each later one is twice as large as the one before, or as large as a request needs. */
const FIRST_REGION = 1 << 20;
const LARGEST_STEP = 1 << 30;
/** A chunk is divided when it is twice the request, or this much larger. */
const MOST_WASTE = 128 << 20;

export interface Arena {
  take(id: number, bytes: number): void;
  give(id: number): void;
  /** Bytes that were handed out at some time. What the arena only reserves is no memory until it is written to. */
  touched(): number;
}

export function createArena(): Arena {
  let growth = FIRST_REGION;
  const used = new Map<number, Chunk>();
  let free: Chunk[] = [];
  const regions: { size: number; touched: number }[] = [];

  /** The smallest that is large enough; of equals the one that lies first. */
  function best(size: number): Chunk | undefined {
    let found: Chunk | undefined;
    for (const chunk of free)
      if (chunk.size >= size && (!found || chunk.size < found.size)) found = chunk;
    return found;
  }

  function grow(size: number): Chunk {
    const wanted = growth;
    while (growth < size) growth *= 2;
    const region = { size: growth, touched: 0 };
    if (growth === wanted) growth = Math.min(2 * growth, Math.max(growth, LARGEST_STEP));
    regions.push(region);
    const chunk = { region: regions.length - 1, start: 0, size: region.size };
    free.push(chunk);
    return chunk;
  }

  return {
    take(id, bytes) {
      if (bytes === 0) return;
      const size = Math.ceil(bytes / UNIT) * UNIT;
      const chunk = best(size) ?? grow(size);
      free = free.filter((other) => other !== chunk);
      const { region, start } = chunk;
      const divided = chunk.size >= 2 * size || chunk.size - size >= MOST_WASTE;
      if (divided) free.push({ region, start: start + size, size: chunk.size - size });
      used.set(id, divided ? { region, start, size } : chunk);
      regions[region]!.touched = Math.max(regions[region]!.touched, start + size);
    },
    give(id) {
      const chunk = used.get(id);
      if (!chunk) return;
      used.delete(id);
      const { region } = chunk;
      let { start, size } = chunk;
      free = free.filter((other) => {
        if (other.region !== region) return true;
        if (other.start + other.size === start) start = other.start;
        else if (other.start !== chunk.start + chunk.size) return true;
        size += other.size;
        return false;
      });
      free.push({ region, start, size });
    },
    touched: () => regions.reduce((sum, region) => sum + region.touched, 0),
  };
}

export function replay(arena: Arena, steps: readonly MemoryStep[]): void {
  for (const step of steps)
    if ("take" in step) arena.take(step.take, step.bytes);
    else arena.give(step.give);
}
