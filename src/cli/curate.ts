/** `twainbot curate`: turns collected documents into a dataset. */
import { curate } from "../data/curate.ts";
import { stageCommand } from "./stage-command.ts";

export const command = stageCommand(curate);
