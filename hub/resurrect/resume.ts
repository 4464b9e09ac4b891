// Ends the pause of the fleet: brings back from Git what rollouts rest on, and lets everything follow again.
import type { DesiredController } from "#hub/desired/controller.ts";
import type { ReleaseController } from "#hub/release/controller.ts";
import type { RolloutController } from "#hub/rollout/controller.ts";
import type { SnapshotRef } from "#hub/store/memo_port.ts";
import type { Store } from "#hub/store/port.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { Memos } from "./memos.ts";
import type { FleetPause } from "./pause.ts";

interface Options {
  store: Pick<Store, "snapshot" | "keepSnapshot">;
  releases: Pick<ReleaseController, "snapshot" | "snapshotOf">;
  rollouts: Pick<RolloutController, "follow">;
  desired: Pick<DesiredController, "reconcile">;
  memos: Pick<Memos, "snapshots" | "refresh">;
  pause: FleetPause;
  /** Those who hold rollouts and pins in memory read them again. */
  readonly reload: () => Promise<void>;
}

export interface ResumeOrder {
  operator: string;
  reason: string;
  /** Also when a commit that devices still have is gone from the repository: they get the newest one then. */
  isForced: boolean;
}

/** @throws FleetError state_conflict when the fleet is not paused, or a commit is missing;
 *  repository_unreachable */
export function createResume(options: Options): (order: ResumeOrder) => Promise<void> {
  const { store, releases, rollouts, desired, memos, pause } = options;

  /** @returns why it is not there */
  const rebuild = async ({ id, place, ...ref }: SnapshotRef): Promise<string | undefined> => {
    if ((await store.snapshot(id)) !== null) return undefined;
    try {
      const fleet = await releases.snapshotOf(ref.defaultBranch, ref.branches);
      await store.keepSnapshot({ id, place }, fleet);
      return undefined;
    } catch (thrown) {
      const error = asFleetError(thrown);
      if (error.retry === "later") throw error;
      return error.sentence;
    }
  };
  return async ({ operator, reason, isForced }) => {
    const missing: string[] = [];
    for (const ref of memos.snapshots()) {
      const why = await rebuild(ref);
      if (why !== undefined) missing.push(why);
    }
    if (missing.length > 0 && !isForced) throw incomplete(missing);
    await pause.end(operator, reason);
    await options.reload();
    const fleet = releases.snapshot();
    await (fleet === undefined ? desired.reconcile() : rollouts.follow(fleet));
    await memos.refresh();
  };
}

function incomplete(missing: readonly string[]): FleetError {
  return new FleetError("state_conflict", {
    message: `what devices still have is not in the repository: ${missing.join("; ")}`,
    hint: "Push those commits and fetch, or resume by force: devices that a rollout has not reached then get the newest release at once.",
  });
}
