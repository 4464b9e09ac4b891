// Every fault that the harness knows, in the order in which they are tried.
import type { Fault } from "./fault.ts";
import { agentPaused } from "./kinds/agent_paused.ts";
import { crashLoop } from "./kinds/crash_loop.ts";
import { cut } from "./kinds/cut.ts";
import { forcePush } from "./kinds/force_push.ts";
import { hubKilled } from "./kinds/hub_killed.ts";
import { powerCut } from "./kinds/power_cut.ts";

export const faults: readonly Fault[] = [
  cut,
  powerCut,
  hubKilled,
  crashLoop,
  agentPaused,
  forcePush,
];
