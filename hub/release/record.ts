// Writes verdicts and releases into the store, and tells each once.
import type { Bus } from "#hub/bus.ts";
import type { CommitInfo } from "#hub/git/objects.ts";
import type { BranchRow, ReleaseRow, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import type { Announce } from "./announce.ts";
import type { BranchSnapshot, RoleRelease } from "./model.ts";

type Commit = ReleaseRow["commits"][number];

interface RecorderOptions {
  store: Pick<Store, "branches" | "saveBranch" | "release" | "saveRelease">;
  bus: Bus;
  clock: Clock;
  announce: Announce;
  readonly commitInfo: (commit: string) => Promise<CommitInfo>;
}

export interface Recorder {
  /** Rows by branch as stored. */
  rows(): Promise<Map<string, BranchRow>>;
  /** @param before the branch's snapshot until now
   *  @param warnings what is probably not meant, told with the acceptance */
  accepted(
    snapshot: BranchSnapshot,
    before: BranchSnapshot | undefined,
    warnings: readonly string[],
  ): Promise<void>;
  /** @param head undefined when the branch does not exist (any more) */
  refused(branch: string, head: string | undefined, sentence: string): Promise<void>;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const { store, bus, clock, announce, commitInfo } = options;
  const rows = async (): Promise<Map<string, BranchRow>> =>
    new Map((await store.branches()).map((row) => [row.branch, row]));
  const save = async (row: Omit<BranchRow, "checkedAt">): Promise<void> => {
    await store.saveBranch({ ...row, checkedAt: clock.now() });
    bus.emit("branch", row.branch);
  };
  const saveRelease = async (release: RoleRelease, commit: Commit): Promise<void> => {
    const before = await store.release(release.digest);
    const older = before?.commits.filter((known) => !isSame(known, commit)) ?? [];
    await store.saveRelease({
      digest: release.digest,
      role: release.role,
      size: release.size,
      createdAt: before?.createdAt ?? clock.now(),
      commits: [commit, ...older],
    });
  };
  return {
    rows,
    accepted: async (snapshot, before, warnings) => {
      const { branch, commit } = snapshot;
      const row = (await rows()).get(branch);
      if (row?.accepted === commit && row.head === commit && row.refusal === null) return;
      const info = await commitInfo(commit);
      for (const release of Object.values(snapshot.roles)) {
        const isNew = before?.roles[release.role]?.digest !== release.digest;
        if (isNew) await saveRelease(release, { ...info, branch });
      }
      await save({ branch, head: commit, accepted: commit, refusal: null });
      await announce({
        type: "Normal",
        reason: "CommitAccepted",
        message: `${describe(branch, info)} is accepted${withWarnings(warnings)}`,
      });
    },
    refused: async (branch, head, sentence) => {
      const row = (await rows()).get(branch);
      const isTold = row !== undefined && row.refusal !== null && (head ?? row.head) === row.head;
      if (isTold && row.refusal === sentence) return;
      if (head === undefined && row === undefined) return;
      const accepted = row?.accepted ?? null;
      await save({ branch, head: head ?? row?.head ?? "", accepted, refusal: sentence });
      if (isTold) return;
      const subject = head === undefined ? branch : describe(branch, await commitInfo(head));
      const message = `${subject} is refused: ${sentence}`;
      await announce({ type: "Warning", reason: "CommitRefused", message });
    },
  };
}

const toldWarnings = 5;

/** A role may say the same of each of its services: a few show what it is about. */
function withWarnings(warnings: readonly string[]): string {
  if (warnings.length === 0) return "";
  const more = warnings.length - toldWarnings;
  const told = warnings.slice(0, toldWarnings).join("; ");
  return ` with warnings: ${told}${more > 0 ? `; and ${more} more` : ""}`;
}

function isSame(a: Commit, b: Commit): boolean {
  return a.commit === b.commit && a.branch === b.branch;
}

function describe(branch: string, { commit, subject, author }: CommitInfo): string {
  return `${branch} ${commit.slice(0, 8)} "${subject}" by ${author}`;
}
