/** The one place where an error becomes text and an exit code. */
import { TwainError, isAbort } from "../core/errors.ts";
import { type Output, painter } from "./terminal.ts";

export const INTERRUPTED = 130;

/**
 * Prints an error for a person: code, message, hint; the stack only where nobody expected the error
 * or with `debug`. Returns the exit code: 2 for a wrong command line, 130 for an interruption, 70
 * for a fault of the program, 1 for the rest.
 */
export function reportError(
  error: unknown,
  output: Output,
  options: { debug: boolean; aborted: boolean },
): number {
  const paint = painter(output);
  if (options.aborted && isAbort(error)) {
    output.write(
      "Stopped. Finished work is kept; the same command continues where this one was.\n",
    );
    return INTERRUPTED;
  }
  if (!(error instanceof TwainError)) {
    output.write(
      `${paint("red", "error")} This is a fault of twainbot, not yours. Please report it with this text:\n`,
    );
    output.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 70;
  }
  output.write(`${paint("red", `error[${error.code}]`)} ${error.message}\n`);
  if (error.hint) output.write(`  ${paint("cyan", "hint:")} ${error.hint}\n`);
  if (options.debug) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      output.write(`${at === error ? "" : "caused by "}${at.stack ?? at.message}\n`);
    }
  }
  return error.code === "cli/usage" ? 2 : 1;
}
