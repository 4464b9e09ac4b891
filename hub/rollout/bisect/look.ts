// What the canaries of a bisect say of the commit under test.
import { sourceOf } from "#hub/desired/compute/render.ts";
import { entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import { factOf } from "#hub/rollout/advance/fact.ts";
import type { Fact } from "#hub/rollout/advance/model.ts";
import { devicesOf, type Placed, revisionIn } from "#hub/rollout/begin.ts";
import type { BisectRow } from "#hub/store/bisect_port.ts";
import type { DesiredRow, DeviceRow } from "#hub/store/port.ts";
import { revisionOf } from "#shared/desired.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";

/** Devices that the deployment selects now, of those given. */
export function placedIn(
  fleet: FleetSnapshot,
  deployment: AppName,
  rows: readonly DeviceRow[],
): Placed[] {
  const main = entryOf(fleet.branches, fleet.defaultBranch);
  const known = main?.deployments.find(({ name }) => name === deployment);
  return known === undefined ? [] : devicesOf(fleet, known, rows);
}

interface Input {
  row: Pick<BisectRow, "deployment" | "fleet">;
  /** As it is followed now: which devices the deployment has. */
  newest: FleetSnapshot;
  rows: readonly DeviceRow[];
  /** What each device is to have. */
  desired: ReadonlyMap<DeviceId, DesiredRow>;
}

/** What a device says while something else decides its release is no word on the commit. */
export function canaryFacts({ row, newest, rows, desired }: Input): Map<DeviceId, Fact> {
  const { deployment, fleet } = row;
  const source = fleet === null ? undefined : sourceOf(fleet, deployment);
  const byId = new Map(rows.map((one) => [one.id, one]));
  return new Map(
    placedIn(newest, deployment, rows).flatMap((place): [DeviceId, Fact][] => {
      const known = byId.get(place.id);
      if (known === undefined) return [];
      const target = revisionIn(source, place);
      const wanted = desired.get(place.id);
      const app = wanted?.content.apps.find(({ name }) => name === deployment);
      const isGiven = app !== undefined && revisionOf(app) === target;
      const fact = factOf({ ...known, labels: place.labels }, deployment, target);
      const answer = isGiven ? fact.answer : "none";
      return [[place.id, { ...fact, answer, isHeld: fact.isHeld || !isGiven }]];
    }),
  );
}
