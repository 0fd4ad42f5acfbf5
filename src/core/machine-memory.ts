/** How much memory this process may use. */
import { freemem, totalmem } from "node:os";

export interface MachineMemory {
  /** Bytes that the process may have in all: the machine's, or less where a control group says so. */
  readonly limit: number;
  /** Bytes that it can get now, what it has already included. */
  readonly available: number;
}

/**
 * Resident memory of a command that trains or answers, besides what is counted; measured with Node 20.20 and
 * onnxruntime 1.30: 86 MB with modules, runtime and tokenizer loaded, the rest is threads, kernels and the heap's growth.
 */
export const PROCESS_BYTES = 110e6;

/** Node's own answers heed control groups; a limit of 0 or beyond the machine means there is none. */
export function machineMemory(): MachineMemory {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  const limit = constrained > 0 && constrained < total ? constrained : total;
  const free =
    typeof process.availableMemory === "function" ? process.availableMemory() : freemem();
  return { limit, available: Math.min(limit, free + process.memoryUsage.rss()) };
}
