/** `twainbot train`: trains or checks the base model, then trains the adapter, on preferences too where the recipe says so. */
import { base } from "../train/base-stage.ts";
import { preference } from "../train/preference-stage.ts";
import { train } from "../train/train-stage.ts";
import { stageCommand } from "./stage-command.ts";

export const command = stageCommand(base, train, preference);
