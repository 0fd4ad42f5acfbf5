/** A story that `why` tells, for the terminal. */
import type { CaseStory, RowStory, Story } from "../data/why.ts";
import { callText } from "./conversation-text.ts";
import { messageLines } from "./message-lines.ts";
import { type Page, facts, heading } from "./page.ts";
import { recordText } from "./record-text.ts";
import { reviewLines } from "./review-text.ts";
import type { Paint } from "./terminal.ts";
import { writtenFacts } from "./written-facts.ts";

function rowText(story: RowStory, page: Page): string[] {
  const { tags, meta, parents } = story;
  return [
    page.paint("bold", `${story.id}: a dataset row in ${story.split}`),
    ...facts([
      ["domain", tags.domain],
      ["persona", tags.persona],
      ["source", `${tags.source}${tags.synthetic ? " (synthetic)" : ""}`],
      ["licence", meta.licence],
      ["url", meta.url],
      ["made by", meta.generator],
      ["template", meta.template],
      ...writtenFacts(meta.written),
      ["split key", meta.split_key],
    ]),
    ...(story.review ? reviewLines(story.review, page) : []),
    ...heading(
      parents.length === 0 ? "Parents: none, no collected text is in it" : "Parents",
      page,
    ),
    ...parents.flatMap((parent) => {
      const work = [parent.title, parent.author].filter((part) => part !== undefined);
      return [
        `  ${parent.id}${parent.kind === undefined ? "  not in the ledger" : `  ${parent.kind}${work.length > 0 ? ` from ${work.join(", ")}` : ""}`}`,
      ];
    }),
    ...heading("Messages", page),
    ...messageLines(story.messages, page),
  ];
}

function caseText(story: CaseStory, page: Page): string[] {
  const calls = story.expected.map((call) => callText(call.name, call.arguments));
  return [
    page.paint("bold", `${story.id}: a question of the tool evaluation, never in training`),
    ...facts([
      ["slice", story.slice],
      ["now", story.now],
      ["right", calls.length > 0 ? calls.join(" and ") : "no call"],
    ]),
    ...heading("Messages", page),
    ...messageLines(story.messages, page),
  ];
}

/** Several lines that end in a line break. */
export function storyText(story: Story, run: string, width: number, paint: Paint): string {
  const page = { width, paint };
  const lines =
    story.type === "record"
      ? recordText(story, page)
      : story.type === "row"
        ? rowText(story, page)
        : caseText(story, page);
  return `${[...lines, "", paint("dim", `from ${run}`)].join("\n")}\n`;
}
