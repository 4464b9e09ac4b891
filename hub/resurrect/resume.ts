// Ends the pause of the fleet: brings back from Git what rollouts rest on, and lets everything follow again.
import type { DesiredController } from "#hub/desired/controller.ts";
import type { ReleaseController } from "#hub/release/controller.ts";
import type { RolloutController } from "#hub/rollout/controller.ts";
import type { SnapshotRef } from "#hub/store/memo_port.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
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
  clock: Pick<Clock, "sleep">;
  /** What is tried again by itself. */
  readonly onFailed?: (error: unknown) => void;
}

export interface ResumeOrder {
  operator: string;
  reason: string;
  /** Also when a commit that devices still have is gone from the repository: they get the newest one then. */
  isForced: boolean;
}

export interface Resume {
  /** Once the end of the pause is stored, it holds: what then fails is tried until it has gone well.
   *  @throws FleetError state_conflict when the fleet is not paused, or a commit is missing;
   *  repository_unreachable */
  order(given: ResumeOrder): Promise<void>;
  stop(): Promise<void>;
}

const retryMs = 5000;

export function createResume(options: Options): Resume {
  const { store, releases, rollouts, desired, memos, pause, clock } = options;
  const stopping = new AbortController();
  let following: Promise<void> | undefined;

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
  const followAll = async (): Promise<void> => {
    await options.reload();
    const fleet = releases.snapshot();
    await (fleet === undefined ? desired.reconcile() : rollouts.follow(fleet));
    await memos.refresh();
  };
  /** Until it has gone well, or the fleet is paused again. */
  const followLater = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(retryMs, stopping.signal);
      if (stopping.signal.aborted || pause.state() !== null) return;
      try {
        return await followAll();
      } catch (error) {
        options.onFailed?.(error);
      }
    }
  };
  return {
    order: async ({ operator, reason, isForced }) => {
      const missing: string[] = [];
      for (const ref of memos.snapshots()) {
        const why = await rebuild(ref);
        if (why !== undefined) missing.push(why);
      }
      if (missing.length > 0 && !isForced) throw incomplete(missing);
      await pause.end(operator, reason);
      try {
        await followAll();
      } catch (error) {
        options.onFailed?.(error);
        following ??= followLater().finally(() => {
          following = undefined;
        });
      }
    },
    stop: async () => {
      stopping.abort();
      await following;
    },
  };
}

function incomplete(missing: readonly string[]): FleetError {
  return new FleetError("state_conflict", {
    message: `what devices still have is not in the repository: ${missing.join("; ")}`,
    hint: "Push those commits and fetch, or resume by force: devices that a rollout has not reached then get the newest release at once.",
  });
}
