/** `twainbot train`: trains or checks the base model, then trains the adapter. */
import { base } from "../train/base-stage.ts";
import { train } from "../train/train-stage.ts";
import { stageCommand } from "./stage-command.ts";

export const command = stageCommand(base, train);
