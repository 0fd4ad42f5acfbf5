/** `twainbot collect`: gathers the documents of a recipe. */
import { collect } from "../data/collect.ts";
import { stageCommand } from "./stage-command.ts";

export const command = stageCommand(collect);
