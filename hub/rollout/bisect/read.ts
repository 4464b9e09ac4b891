// Reads the commits that a bisect tries: what each would give the canaries, and the fleet that it makes.
import type { ReleaseController } from "#hub/release/controller.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { BisectRow } from "#hub/store/bisect_port.ts";
import type { Store } from "#hub/store/port.ts";
import { asFleetError } from "#shared/errors.ts";
import { withContent } from "./advance.ts";
import { contentFor } from "./begin.ts";
import { placedIn } from "./look.ts";
import type { Bisect, BisectDecision } from "./model.ts";

/** What a bisect becomes, with what its canaries are to be rendered from. */
export interface Next extends Pick<BisectDecision, "bisect" | "tells"> {
  fleet: FleetSnapshot | null;
}

export interface CommitReader {
  /** @param at the commit whose content is not known yet
   *  @throws FleetError what passes by itself */
  read(row: BisectRow, at: number): Promise<Bisect>;
  /** Where a test begins its commit is read once more: it may be refused since, and is then skipped.
   *  @throws FleetError what passes by itself */
  withFleet(row: BisectRow, next: Pick<Next, "bisect" | "tells">): Promise<Next>;
}

export function createCommitReader(options: {
  store: Pick<Store, "allDevices">;
  releases: Pick<ReleaseController, "checked">;
}): CommitReader {
  const { store, releases } = options;
  return {
    read: async ({ bisect, branch, deployment }, at) => {
      const commit = bisect.commits[at]?.commit ?? "";
      try {
        const fleet = await releases.checked(branch, commit);
        const rows = await store.allDevices(bisect.canaries.map(({ device }) => device));
        const content = contentFor(fleet, deployment, placedIn(fleet, deployment, rows));
        if (content !== undefined) return withContent(bisect, at, { content });
        return withContent(bisect, at, { why: "does not have the deployment" });
      } catch (thrown) {
        return withContent(bisect, at, { why: whyForGood(thrown) });
      }
    },
    withFleet: async (row, { bisect, tells }) => {
      const { testing, commits } = bisect;
      if (testing === row.bisect.testing) return { bisect, tells, fleet: row.fleet };
      if (testing === null) return { bisect, tells, fleet: null };
      try {
        const commit = commits[testing]?.commit ?? "";
        return { bisect, tells, fleet: await releases.checked(row.branch, commit) };
      } catch (thrown) {
        const why = whyForGood(thrown);
        return { bisect: withContent(row.bisect, testing, { why }), tells: [], fleet: null };
      }
    },
  };
}

/** @throws FleetError what passes by itself */
function whyForGood(thrown: unknown): string {
  const error = asFleetError(thrown);
  if (error.retry === "later") throw error;
  return error.sentence;
}
