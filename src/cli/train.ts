/** `twainbot train`: trains or checks the base model, then the adapter: on plain text where the recipe says so, on conversations, on preferences. */
import { base } from "../train/base-stage.ts";
import { dapt } from "../train/dapt-stage.ts";
import { preference } from "../train/preference-stage.ts";
import { train } from "../train/train-stage.ts";
import { stageCommand } from "./stage-command.ts";

export const command = stageCommand(base, dapt, train, preference);
