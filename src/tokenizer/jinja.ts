/**
 * Renders Jinja templates. What is the same for many conversations (the tool definitions above all)
 * becomes template values once: converting them costs several times what rendering does.
 */
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import type { JsonValue } from "../core/json.ts";
import { mapStrings } from "./neutralise.ts";

/** Different settings that are remembered; a dataset offers a handful of tool lists. */
const REMEMBERED = 32;

/** Renders with `items`, unique to this call, over `setting`, whose texts are passed through `clean`. */
export type Jinja = (
  setting: object,
  clean: (text: string) => string,
  items: Record<string, unknown>,
) => string;

/** The names that chat templates rely on, as transformers defines them. */
function globals(): Environment {
  const environment = new Environment();
  const constants = { true: true, false: false, none: null, True: true, False: false, None: null };
  for (const [name, constant] of Object.entries(constants)) environment.set(name, constant);
  environment.set("raise_exception", (message: string) => {
    throw new Error(message);
  });
  environment.set("range", (start: number, stop?: number, step = 1) => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    return Array.from(
      { length: Math.max(0, Math.ceil((to - from) / step)) },
      (_, i) => from + i * step,
    );
  });
  return environment;
}

/** Throws what the parser throws for a template that is not Jinja. */
export function createJinja(source: string): Jinja {
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  const settings = new Map<string, Environment>();
  return (setting, clean, items) => {
    const key = JSON.stringify(setting);
    let fixed = settings.get(key);
    if (!fixed) {
      fixed = globals();
      const plain = JSON.parse(key) as Record<string, JsonValue>;
      for (const [name, member] of Object.entries(plain)) {
        // Special tokens are the template's own and stay as they are.
        fixed.set(name, name.endsWith("_token") ? member : mapStrings(member, clean));
      }
      if (settings.size >= REMEMBERED) settings.clear();
      settings.set(key, fixed);
    }
    const environment = new Environment(fixed);
    for (const [name, item] of Object.entries(items)) environment.set(name, item);
    return String(new Interpreter(environment).run(program).value);
  };
}
