// The step reboot: orders one, and passes in another boot than the one in which its first try began.
import type { Executors } from "#edge/run/port.ts";
import type { StepParts } from "./parts.ts";

export function createReboot({ parts, tasks }: StepParts): Executors["reboot"] {
  /** The try for which this process has ordered it; a later process in the same boot orders it again. */
  let ordered = "";
  return {
    act: async ({ key, trying, bootId, onOutput, waitsFor }) => {
      if (bootId !== trying.begunIn) return "done";
      waitsFor("the device to go down");
      if (ordered === key) return "acting";
      const order = (signal: AbortSignal): Promise<void> =>
        parts.machine.reboot({ signal, onOutput });
      if ((await tasks.run(key, order)) === "done") ordered = key;
      return "acting";
    },
    stop: async ({ key }) => {
      tasks.cancel(key);
      return "done";
    },
  };
}
