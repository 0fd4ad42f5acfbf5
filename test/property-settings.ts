/**
 * Properties are tried on other values at every run of a developer's, and on the same ones where a commit is
 * judged: there a new counterexample would stop a change that has nothing to do with it.
 * TWAINBOT_PROPERTY_SEED names a seed, TWAINBOT_PROPERTY_RUNS how many values each property is tried on.
 */
import fc from "fast-check";

const { TWAINBOT_PROPERTY_SEED: seed, TWAINBOT_PROPERTY_RUNS: runs } = process.env;
fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  ...(seed ? { seed: Number(seed) } : {}),
  ...(runs ? { numRuns: Number(runs) } : {}),
});
