// What the store keeps of runs and of the phases of devices.
import type { Run, RunEntry, RunState } from "#hub/run/model.ts";
import type { Lifecycle } from "#hub/run/phase.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RequestId, RunId, RunLogBody } from "#shared/run.ts";
import type { HubEvent, NewEvent, Page } from "./port.ts";

export interface RunQuery {
  device?: DeviceId;
  plan?: string;
  state?: RunState;
  limit: number;
  cursor?: string;
}

/** One chunk of a run's log. Times Unix ms by the device's clock. */
export interface RunLogItem extends Omit<RunLogBody, "run"> {
  at: number;
}

export interface RunLogPage {
  items: RunLogItem[];
  /** Of the last item, for the ones after it; the one that was given when there are none. */
  cursor: string | null;
  /** Whether there are more now. */
  hasMore: boolean;
}

export interface RunChange {
  run: Pick<Run, "id" | "version" | "head">;
  /** The device's phase, where it changes with the run. */
  life?: Lifecycle;
  /** Ends the device's identity: it is not let in again before it enrols anew. */
  revokes?: boolean;
  events: NewEvent[];
}

export interface RunStore {
  /** Adds the run, lets no earlier order of the device stand, and sets the phase.
   *  @returns null when the device has an active run, or this request already: nothing is stored */
  beginRun(run: Run, life: Lifecycle, events: NewEvent[]): Promise<HubEvent[] | null>;
  /** @returns null when the run has another version: nothing is stored */
  changeRun(change: RunChange): Promise<HubEvent[] | null>;
  run(id: RunId): Promise<Run | null>;
  runOfRequest(device: DeviceId, request: RequestId): Promise<Run | null>;
  /** Newest first. */
  runs(query: RunQuery): Promise<Page<Run>>;
  /** Runs that go on, and those whose order still stands. */
  openRuns(): Promise<Run[]>;
  /** What the device's journal tells of the run, without its log, in the order of arrival. */
  runEntries(run: Pick<Run, "id" | "device" | "orderedAt">): Promise<(RunEntry & { at: number })[]>;
  /** When a word of the run's log last came, Unix ms by the hub's clock; null when the device's last such word
   *  is of another run. */
  runHeardAt(run: Pick<Run, "id" | "device" | "orderedAt">): Promise<number | null>;
  runLog(
    run: Pick<Run, "id" | "device" | "orderedAt">,
    query: { limit: number; cursor?: string },
  ): Promise<RunLogPage>;
  lifecycle(device: DeviceId): Promise<Lifecycle | null>;
  lifecycles(): Promise<Lifecycle[]>;
  saveLifecycles(lives: readonly Lifecycle[], events: NewEvent[]): Promise<HubEvent[]>;
}
