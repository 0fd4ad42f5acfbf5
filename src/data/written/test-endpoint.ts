/** An endpoint on the loopback that answers by script, for tests of what asks one. */
import { type IncomingMessage, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

const Asked = z.looseObject({
  model: z.string(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
});
export type Asked = z.infer<typeof Asked> & { authorization: string | undefined };

/**
 * What to do with a request. A text is the content of a good answer, but for "destroy", which breaks the
 * connection, and "hang", which says nothing ever.
 */
export type Script =
  | string
  | { status: number; body?: string; headers?: Record<string, string> }
  | { content: string | null; finish?: string; usage?: boolean };

export interface TestEndpoint {
  url: string;
  requests: Asked[];
  /** Most requests that were in flight at once. */
  most: number;
  /** `count` is 1 for the first request with these messages. */
  answer: (asked: Asked, count: number) => Script | Promise<Script>;
  close(): Promise<void>;
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request) text += String(part);
  return text;
}

/** Answers as `write` says until `answer` is set. */
export async function startTestEndpoint(): Promise<TestEndpoint> {
  let flying = 0;
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    test.most = Math.max(test.most, ++flying);
    response.on("close", () => flying--);
    void (async () => {
      const asked = {
        ...Asked.parse(JSON.parse(await readAll(request))),
        authorization: request.headers.authorization,
      };
      test.requests.push(asked);
      const name = JSON.stringify(asked.messages);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const said = await test.answer(asked, counts.get(name)!);
      if (said === "hang") return;
      if (said === "destroy") {
        request.socket.destroy();
        return;
      }
      if (typeof said === "object" && "status" in said) {
        response.writeHead(said.status, said.headers).end(said.body);
        return;
      }
      const {
        content,
        finish = "stop",
        usage = true,
      } = typeof said === "string" ? { content: said } : said;
      response.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({
          model: asked.model,
          choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finish }],
          ...(usage && { usage: { prompt_tokens: 100, completion_tokens: 20 } }),
        }),
      );
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const test: TestEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests: [],
    most: 0,
    answer: (asked) => scriptedAuthor(asked),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return test;
}

/** Words of its own between those of a text, so that it is said otherwise. */
function reword(text: string): string {
  const between = ["they say", "mind you", "as a rule", "I am told", "in the end", "of a morning"];
  const words = text.split(/\s+/);
  return words
    .map((word, i) =>
      i % 3 === 2 ? `${word}, ${between[(i + words.length) % between.length]},` : word,
    )
    .join(" ");
}

const field = (text: string, name: string): string =>
  new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1] ?? "";

const Result = z.looseObject({
  location: z.string(),
  conditions: z.string().optional(),
  high: z.number().optional(),
  temperature: z.number().optional(),
  days: z.array(z.looseObject({ conditions: z.string(), high: z.number() })).optional(),
});

function report(result: string): string {
  const { location, conditions, high, temperature, days } = Result.parse(JSON.parse(result));
  const town = location.split(",")[0]!;
  if (days)
    return `${town} begins with ${days[0]!.conditions} and ${days[0]!.high} degrees, and goes on.`;
  return `In ${town} I make it ${high ?? temperature} degrees, with ${conditions}, and no charge for looking.`;
}

/** A model that does what each prompt asks, well enough to pass. */
export function scriptedAuthor({ messages }: Asked): string {
  const [system = "", user = ""] = messages.map(({ content }) => content);
  const say = (value: object): string => JSON.stringify(value);
  if (system.includes("retell plain passages"))
    return say({ text: `I have it on authority that ${reword(user.split("\n\n")[1] ?? "")}` });
  if (system.includes("humorous remarks")) {
    const [city, season, condition] = ["Town", "Season", "Weather"].map((name) =>
      field(user, name),
    );
    return say({
      text: `In ${city} the ${condition} of ${season} is taken for a relative: nobody sent for it, it eats with the family, and it is never asked when it means to leave.`,
    });
  }
  if (system.includes("voice of one author")) return say({ answer: report(field(user, "Result")) });
  if (system.includes("in other words"))
    return say({
      questions: [
        `I should like to know: ${user.charAt(0).toLowerCase()}${user.slice(1)}`,
        `Please look this up for me: ${user.charAt(0).toLowerCase()}${user.slice(1)}`,
        `Is it true?`,
      ],
    });
  if (system.includes("from English to")) return say({ translation: `Übersetzt: ${user}` });
  if (system.includes("to English"))
    return say({
      translation: `Tell me, if you can: ${user.replace("Übersetzt: ", "").replace(/^./, (first) => first.toLowerCase())}`,
    });
  if (system.includes("how not to answer"))
    return say({
      bland: `The following conditions have been recorded. ${report(field(user, "Result")).replace("I make it", "there is a value of").replace(", and no charge for looking", "")}`,
      wrong: `It is 190 degrees in ${Result.parse(JSON.parse(field(user, "Result"))).location.split(",")[0]} and the hens lay hard-boiled.`,
    });
  return say({
    bland: `The topic of this request, ${reword(user).slice(0, 120)}, has several aspects.`,
  });
}
