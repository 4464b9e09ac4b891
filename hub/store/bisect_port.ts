// What the store keeps of bisects: each of a rollout, with the state of the fleet that its canaries are to try now.
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { Bisect } from "#hub/rollout/bisect/model.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import type { HubEvent, NewEvent } from "./port.ts";

export interface BisectRow {
  id: number;
  rollout: number;
  deployment: AppName;
  branch: string;
  bisect: Bisect;
  /** The fleet with the commit under test; null between tests. */
  fleet: FleetSnapshot | null;
  /** Who began it, and why. */
  operator: string;
  reason: string;
  /** Unix ms. */
  beganAt: number;
  changedAt: number;
  /** Rises with every change; a change that was decided on another version is refused. */
  version: number;
}

export type NewBisect = Omit<BisectRow, "id" | "version" | "changedAt">;

/** What one decision changes. */
export interface BisectChange extends Pick<BisectRow, "id" | "version" | "bisect" | "fleet"> {
  /** Devices that forget what failed on them, so that three tests in a row are no reason for safe mode. */
  retried: readonly DeviceId[];
  events: NewEvent[];
  now: number;
}

export interface BisectStore {
  /** @returns the events with their ids; null while another bisect of the deployment goes on: nothing is stored */
  addBisect(bisect: NewBisect, events: NewEvent[]): Promise<HubEvent[] | null>;
  /** The newest of a rollout. */
  bisectOf(rollout: number): Promise<BisectRow | null>;
  /** Those that go on. */
  openBisects(): Promise<BisectRow[]>;
  /** @returns the events with their ids; null when it has another version: nothing is stored */
  changeBisect(change: BisectChange): Promise<HubEvent[] | null>;
}
