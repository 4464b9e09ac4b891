// Which state of the fleet the canaries of bisects are rendered from, over what the rollouts say of them.
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { Placements } from "#hub/rollout/track.ts";
import type { BisectRow } from "#hub/store/bisect_port.ts";
import type { AppName, DeviceId, Digest } from "#shared/ids.ts";

interface Trial {
  canaries: ReadonlySet<DeviceId>;
  fleet: FleetSnapshot;
}

export interface Trials extends Placements {
  /** Takes the row's present test, or forgets the deployment's when it has none. */
  take(row: BisectRow): void;
  /** Forgets all. */
  clear(): void;
}

/** @param below what holds where no trial does */
export function createTrials(below: Placements): Trials {
  const trials = new Map<AppName, Trial>();
  return {
    take: ({ deployment, bisect, fleet }) => {
      if (fleet === null || bisect.state !== "Testing") trials.delete(deployment);
      else
        trials.set(deployment, {
          fleet,
          canaries: new Set(bisect.canaries.map((one) => one.device)),
        });
    },
    clear: () => trials.clear(),
    olderOf: (device) => {
      const olderOf = below.olderOf(device);
      return (deployment) => {
        const trial = trials.get(deployment);
        return trial?.canaries.has(device) ? trial.fleet : olderOf(deployment);
      };
    },
    inUse: () => [...below.inUse(), ...[...trials.values()].flatMap(digestsOf)],
  };
}

function digestsOf({ fleet }: Trial): Digest[] {
  return Object.values(fleet.branches).flatMap(({ roles }) =>
    Object.values(roles).map(({ digest }) => digest),
  );
}
