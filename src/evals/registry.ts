/** All evaluation tasks. A new one is a file under `tasks/` and a line here. */
import type { EvalTask } from "./task.ts";
import { loss } from "./tasks/loss.ts";
import { noTool } from "./tasks/no-tool.ts";
import { style } from "./tasks/style.ts";
import { tools } from "./tasks/tools.ts";

export const evalTasks: readonly EvalTask[] = [loss, tools, noTool, style];
