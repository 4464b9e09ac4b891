// The commits that stand, by branch: read again after a start, or, where one cannot be read, kept as the fleet
// followed it last.
import type { Mirror } from "#hub/git/mirror.ts";
import type { BranchRow, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { Announce } from "./announce.ts";
import { type BranchDraft, type Drafter, keptDraft } from "./draft.ts";
import { entryOf, type FleetSnapshot } from "./model.ts";

/** An accepted commit that cannot be read, though the repository was fetched. */
export interface UnreadCommit {
  branch: string;
  commit: string;
  /** One sentence. */
  reason: string;
  /** Unix ms at which this was found. */
  at: number;
}

interface Options {
  mirror: Pick<Mirror, "has" | "keep" | "distrust">;
  drafter: Drafter;
  store: Pick<Store, "branches" | "lastSnapshot" | "snapshot">;
  announce: Announce;
  clock: Pick<Clock, "now">;
}

export interface Standing {
  /** Last accepted draft by branch. */
  readonly drafts: ReadonlyMap<string, BranchDraft>;
  /** Takes up the stored commits that are not in hand; one that cannot be read stands as it was followed.
   *  @param main the default branch */
  takeUp(main: string): Promise<void>;
  /** The same after a fetch: what is gone for good is told, once.
   *  @returns whether nothing is left that another try may read */
  takeUpFetched(main: string): Promise<boolean>;
  accept(draft: BranchDraft): void;
  unread(): UnreadCommit[];
}

type AcceptedRow = BranchRow & { accepted: string };
type Fault = UnreadCommit & { error: FleetError };

export function createStanding({ mirror, drafter, store, announce, clock }: Options): Standing {
  const drafts = new Map<string, BranchDraft>();
  const unread = new Map<string, UnreadCommit>();
  /** Commits by branch. */
  const told = new Map<string, string>();

  const missing = async (): Promise<AcceptedRow[]> =>
    (await store.branches()).filter((row): row is AcceptedRow => {
      const draft = drafts.get(row.branch);
      return row.accepted !== null && (draft === undefined || draft.isKept === true);
    });
  const followed = async (): Promise<FleetSnapshot | undefined> => {
    const id = await store.lastSnapshot();
    return (id === null ? null : await store.snapshot(id)) ?? undefined;
  };
  const accept = (draft: BranchDraft): void => {
    drafts.set(draft.snapshot.branch, draft);
    unread.delete(draft.snapshot.branch);
  };
  /** @returns why it cannot be read; undefined when it was */
  const read = async (row: AcceptedRow, main: string): Promise<FleetError | undefined> => {
    try {
      if (!(await mirror.has(row.accepted))) return gone(row);
      const draft = await drafter.draft(row.branch, row.accepted, main);
      await mirror.keep(row.branch, row.accepted);
      accept(draft);
      return undefined;
    } catch (cause) {
      return asFleetError(cause);
    }
  };
  /** Without it the branch would leave the fleet, and its next commit would pass for its first. */
  const standIn = ({ branch }: AcceptedRow, fleet: FleetSnapshot | undefined): void => {
    const snapshot = entryOf(fleet?.branches ?? {}, branch);
    if (snapshot !== undefined) drafts.set(branch, keptDraft(snapshot));
  };
  const takeUp = async (main: string): Promise<Fault[]> => {
    const rows = await missing();
    const fleet = rows.length === 0 ? undefined : await followed();
    const faults: Fault[] = [];
    for (const row of rows) {
      const error = await read(row, main);
      if (error === undefined) continue;
      standIn(row, fleet);
      const { branch, accepted: commit } = row;
      faults.push({ branch, commit, reason: error.sentence, at: clock.now(), error });
    }
    return faults;
  };
  const tell = async ({ branch, commit, reason, error }: Fault): Promise<void> => {
    if (error.retry === "later" || told.get(branch) === commit) return;
    const message = `the accepted commit ${branch} ${commit.slice(0, 8)} is lost: ${reason}`;
    await announce({ type: "Warning", reason: "AcceptedCommitLost", message });
    told.set(branch, commit);
  };
  return {
    drafts,
    takeUp: async (main) => {
      const faults = await takeUp(main);
      // The mirror was told to keep it; perhaps the remote still has it.
      if (faults.some(({ error }) => error.code === "not_found")) mirror.distrust();
    },
    takeUpFetched: async (main) => {
      const faults = await takeUp(main);
      for (const { error: _, ...fault } of faults) {
        const { at } = unread.get(fault.branch) ?? fault;
        unread.set(fault.branch, { ...fault, at });
      }
      for (const fault of faults) await tell(fault);
      return faults.every(({ error }) => error.retry === "never");
    },
    accept,
    unread: () => [...unread.values()],
  };
}

function gone({ accepted }: AcceptedRow): FleetError {
  const message = "it is not in the repository any more";
  return new FleetError("not_found", { message, subject: accepted });
}
