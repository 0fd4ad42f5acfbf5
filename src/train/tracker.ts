/** Where the numbers of a training run go besides metrics.jsonl. */
export interface Tracker {
  /** Scalars of a step by tag, such as `train/loss`; answers with a warning for the user, if any. */
  log(step: number, scalars: Readonly<Record<string, number>>): Promise<string | undefined>;
  close(outcome: "finished" | "failed" | "stopped"): Promise<string | undefined>;
}
