/** The server over a scripted chat and a table of weather, and requests to it, for tests. */
import { type Script, scriptedChat } from "../../test/fakes/scripted-chat.ts";
import { tableWeather } from "../../test/fakes/weather-like-tools.ts";
import { type AppDeps, createApp } from "./app.ts";

export function serve(
  scripts: Script | Script[] = { text: "Hello." },
  extra: Partial<AppDeps> & { split?: (text: string) => string[] } = {},
) {
  const { split, ...deps } = extra;
  const chat = scriptedChat(scripts, split ? { split } : {});
  const logged: string[] = [];
  const weather = tableWeather();
  const app = createApp({
    models: () => [
      { id: "twain", chat, root: "nano", created: 1_700_000_000, contextTokens: 512 },
      { id: "owner/nano", chat, created: 1_700_000_000 },
    ],
    tools: [weather.tool],
    provider: { name: "offline almanack", attribution: "Invented for tests" },
    version: "0.1.0",
    logger: { error: (message) => logged.push(message) },
    ...deps,
  });
  const post = async (
    body: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> =>
    app.request("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...(signal && { signal }),
    });
  return { app, chat, post, logged, weather };
}

export const user = (content: unknown = "Hi") => [{ role: "user", content }];
export const ask = (extra: object = {}) => ({ model: "twain", messages: user(), ...extra });
export const tool = {
  type: "function",
  function: { name: "lookup", parameters: { type: "object", properties: {} } },
};
