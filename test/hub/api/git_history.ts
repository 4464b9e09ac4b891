// The history of Git as a test states it: fleets by commit, oldest first.
import type { FleetSnapshot } from "#hub/release/model.ts";

/** @param committedAt of each of them */
export function historyOf(fleets: Map<string, FleetSnapshot>, committedAt: number) {
  const infoOf = (commit: string) => ({
    ...{ commit, author: "Ada", subject: `change ${commit.slice(0, 4)}`, committedAt },
  });
  return {
    releases: {
      checked: async (_branch: string, commit: string) => fleets.get(commit) as FleetSnapshot,
      snapshot: () => [...fleets.values()].at(-1),
    },
    history: {
      commitInfo: async (commit: string) => infoOf(commit),
      commitsBetween: async (after: string) => {
        const all = [...fleets.keys()];
        return all.slice(all.indexOf(after) + 1).map(infoOf);
      },
    },
  };
}
