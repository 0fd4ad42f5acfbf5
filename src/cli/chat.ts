/** `twainbot chat`: a conversation in the terminal; the tools run here. */
import { createInterface } from "node:readline";
import type { Chat, Message, Tool } from "../core/chat.ts";
import { Persona } from "../core/conversation.ts";
import { TwainError, isAbort } from "../core/errors.ts";
import { withPersona } from "../serve/reply.ts";
import { type ToolLoopEnd, runToolLoop } from "../serve/tool-loop.ts";
import { defineCommand } from "./command.ts";
import { callText, resultText } from "./conversation-text.ts";
import { type RunModel, findRun, openRunModels, readRunRecipe } from "./open-run.ts";
import { numberIn, samplingArgs, samplingOf } from "./sampling-args.ts";
import { type Output, type Paint, painter } from "./terminal.ts";
import { openWeather, weatherArg } from "./weather-source.ts";

const HELP =
  "/persona twain|franklin|neutral   /model adapter|base   /new forgets what was said   /quit";
/** Context windows end long before. */
const MOST_TOKENS = 1_000_000;
/** The conversation so far is not computed again at every turn. */
const PREFIX_BYTES = 256 << 20;

/** Everything that a reply needs but the history. */
interface Speaker {
  chat: Chat;
  persona: Persona;
  tools: readonly Tool[];
  /** Of one reply, its calls included. */
  maxTokens: number;
  signal: AbortSignal;
}

/** One reply, written as it comes. */
async function speak(
  speaker: Speaker,
  history: readonly Message[],
  output: Output,
  paint: Paint,
): Promise<ToolLoopEnd> {
  const { chat, persona, ...options } = speaker;
  const reply = runToolLoop(chat, withPersona(history, persona), options);
  let fresh = false;
  output.write(paint("bold", `${persona === "neutral" ? "bot" : persona}> `));
  for (;;) {
    const next = await reply.next();
    if (next.done) {
      output.write(
        next.value.message.content?.trim() ? "\n" : `${paint("dim", "(says nothing)")}\n`,
      );
      return next.value;
    }
    const event = next.value;
    switch (event.type) {
      case "text":
        output.write(fresh ? event.text.trimStart() : event.text);
        fresh = false;
        break;
      case "call":
        output.write(
          `${fresh ? "" : "\n"}  ${paint("cyan", `→ ${callText(event.call.name, event.call.arguments)}`)}\n`,
        );
        fresh = true;
        break;
      case "result":
        output.write(`  ${paint("dim", `← ${resultText(event.result)}`)}\n`);
        fresh = true;
        break;
    }
  }
}

/** The history without its first exchange; undefined where only the last question is left. */
function forgetFirst(history: readonly Message[]): Message[] | undefined {
  const second = history.findIndex((message, i) => i > 0 && message.role === "user");
  return second < 0 ? undefined : history.slice(second);
}

/** `speak`, forgetting the oldest exchanges where the context does not hold them all. */
async function answer(
  speaker: Speaker,
  history: Message[],
  output: Output,
  paint: Paint,
): Promise<Message[]> {
  let kept: Message[] | undefined = history;
  for (;;) {
    try {
      const end = await speak(speaker, kept, output, paint);
      return [...kept, ...end.transcript];
    } catch (error) {
      kept =
        error instanceof TwainError && error.code === "generate/context-overflow"
          ? forgetFirst(kept)
          : undefined;
      if (!kept) throw error;
      output.write(paint("dim", "(the beginning no longer fits and is forgotten)\n"));
    }
  }
}

/** What can be changed while talking. */
interface Settings {
  persona: Persona;
  model: RunModel;
}

/** A line that begins with a slash; returns what to say about it. */
function obey(line: string, settings: Settings, models: readonly RunModel[]): string {
  const [command, value = ""] = line.split(/\s+/);
  switch (command) {
    case "/persona": {
      const persona = Persona.safeParse(value);
      if (persona.success) settings.persona = persona.data;
      return persona.success
        ? `persona ${value}`
        : `a persona is one of ${Persona.options.join(", ")}`;
    }
    case "/model": {
      const model = models.find(({ name, id }) => name === value || id === value);
      if (model) settings.model = model;
      return model
        ? `model ${model.id}`
        : `a model is one of ${models.map(({ name }) => name).join(", ")}`;
    }
    default:
      return HELP;
  }
}

export const command = defineCommand(
  {
    run: {
      type: "string",
      valueHint: "DIR",
      description: "The run to talk to. Default: the one trained last",
    },
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    persona: {
      type: "enum",
      options: [...Persona.options] as string[],
      default: "twain",
      description: "Who answers",
    },
    ...samplingArgs,
    seed: {
      type: "string",
      valueHint: "N",
      description: "Makes the chance of --temperature the same each time (default: another one)",
    },
    "max-tokens": {
      type: "string",
      default: "300",
      valueHint: "N",
      description: "Of one reply at most, its calls included",
    },
    ...weatherArg,
  },
  async (args, { signal }) => {
    const whole = { low: 0, high: 2 ** 31 - 1, whole: true };
    const seed = args.seed === undefined ? undefined : numberIn("seed", args.seed, whole);
    const most = { low: 1, high: MOST_TOKENS, whole: true };
    const maxTokens = numberIn("max-tokens", args["max-tokens"], most);
    const dir = await findRun(args.run, args.runs);
    const recipe = await readRunRecipe(dir);
    const { models, close: closeModels } = await openRunModels([{ recipe, dir }], {
      slots: 1,
      prefixBytes: PREFIX_BYTES,
      defaults: { ...samplingOf(args), ...(seed !== undefined && { seed }) },
    });
    const { provider, tools } = await openWeather(args.weather);
    const settings: Settings = { persona: Persona.parse(args.persona), model: models[0]! };
    const out = process.stdout;
    const paint = painter(out);
    out.write(
      `${settings.model.id} · ${settings.persona} · weather: ${provider.name}\n${paint("dim", HELP)}\n\n`,
    );

    const terminal = Boolean(process.stdin.isTTY);
    const lines = createInterface({
      input: process.stdin,
      output: terminal ? out : undefined,
      terminal,
      prompt: paint("bold", "you> "),
    });
    let speaking: AbortController | undefined;
    const close = (): void => lines.close();
    // Ctrl-C ends a reply that is being written, and the conversation where none is.
    const interrupt = (): void => (speaking ? speaking.abort() : close());
    lines.on("SIGINT", interrupt);
    signal.addEventListener("abort", close, { once: true });
    let history: Message[] = [];
    if (terminal) lines.prompt();
    for await (const raw of lines) {
      const line = raw.trim();
      if (line === "/quit") break;
      if (line !== "" && !terminal) out.write(`you> ${line}\n`);
      if (line === "/new") history = [];
      if (line.startsWith("/"))
        out.write(
          `${paint("dim", line === "/new" ? "a new conversation" : obey(line, settings, models))}\n`,
        );
      else if (line !== "") {
        speaking = new AbortController();
        const speaker = {
          chat: settings.model.chat,
          persona: settings.persona,
          tools,
          maxTokens,
          signal: AbortSignal.any([signal, speaking.signal]),
        };
        try {
          history = await answer(
            speaker,
            [...history, { role: "user", content: line }],
            out,
            paint,
          );
        } catch (error) {
          if (!isAbort(error) || signal.aborted) throw error;
          out.write(paint("dim", " (stopped)\n"));
        }
        speaking = undefined;
        out.write("\n");
      }
      if (terminal) lines.prompt();
    }
    lines.close();
    await closeModels();
    return 0;
  },
);
