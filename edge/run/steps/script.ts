// The step script: one script of the release that serves, with its output in the run's log.

import type { StagedRevision } from "#edge/release/port.ts";
import type { Executors } from "#edge/run/port.ts";
import type { AppName } from "#shared/ids.ts";
import { type StepParts, stepFailed } from "./parts.ts";

export function createScript({ parts, tasks }: StepParts): Executors["script"] {
  const serving = async (app: AppName): Promise<StagedRevision> => {
    const stored = (await parts.releases.apps()).find((one) => one.app === app);
    if (stored?.current !== undefined) return parts.releases.load(app, stored.current);
    throw stepFailed(`${app} has no release here whose script could run`, app);
  };
  return {
    act: async ({ step, key, onOutput, waitsFor }) => {
      const { app, script, args = [], timeoutMs } = step;
      const run = async (signal: AbortSignal): Promise<void> =>
        parts.machine.runScript(
          await serving(app),
          { script, args, key, timeoutMs },
          { signal, onOutput },
        );
      waitsFor(`the script ${script} of ${app}`);
      return (await tasks.run(key, run)) === "done" ? "done" : "acting";
    },
    stop: async ({ key }) => {
      tasks.cancel(key);
      return "done";
    },
  };
}
