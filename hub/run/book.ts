// The open runs and the phases of all devices, in memory: what a desired state asks for without waiting.
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { RunOrder } from "#shared/run.ts";
import { isOver, type Run } from "./model.ts";
import type { Lifecycle } from "./phase.ts";

export interface RunBook {
  /** What the device is to do now; undefined: nothing. */
  orderOf(device: DeviceId): RunOrder | undefined;
  /** Those of the inventory, the lowest layer. */
  labelsOf(device: DeviceId): Labels;
  life(device: DeviceId): Lifecycle | undefined;
  lives(): readonly Lifecycle[];
  /** The newest run of the device that is not settled. */
  openOf(device: DeviceId): Run | undefined;
  open(): readonly Run[];
  /** Keeps a run while it is open, and forgets it then. */
  putRun(run: Run): void;
  putLife(life: Lifecycle): void;
  load(runs: readonly Run[], lives: readonly Lifecycle[]): void;
}

export function createRunBook(): RunBook {
  let runs = new Map<DeviceId, Run>();
  let lives = new Map<DeviceId, Lifecycle>();
  const putRun = (run: Run): void => {
    const known = runs.get(run.device);
    // An earlier run has nothing to say once there is another.
    if (known !== undefined && known.id > run.id) return;
    if (isOver(run.head) && !run.head.isStanding) runs.delete(run.device);
    else runs.set(run.device, run);
  };
  return {
    orderOf: (device) => {
      const run = runs.get(device);
      // The identity has ended; what comes back under it is other hardware, which must not be emptied.
      if (lives.get(device)?.phase === "RMA") return undefined;
      return run?.head.isStanding === true ? orderOf(run) : undefined;
    },
    labelsOf: (device) => lives.get(device)?.labels ?? {},
    life: (device) => lives.get(device),
    lives: () => [...lives.values()],
    openOf: (device) => runs.get(device),
    open: () => [...runs.values()],
    putRun,
    putLife: (life) => void lives.set(life.device, life),
    load: (open, all) => {
      runs = new Map();
      for (const run of open) putRun(run);
      lives = new Map(all.map((life) => [life.device, life]));
    },
  };
}

function orderOf({ id, request, plan, steps, head }: Run): RunOrder {
  return { id, request, plan, steps, ...(isOver(head) ? { cancel: true as const } : {}) };
}
