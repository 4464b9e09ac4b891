// Turns heads of the fleet repository into accepted releases and the snapshot that all devices follow.
import type { Bus } from "#hub/bus.ts";
import type { Mirror } from "#hub/git/mirror.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { Digest } from "#shared/ids.ts";
import { createAnnouncer } from "./announce.ts";
import type { BundleStore } from "./bundles.ts";
import { checkDraft, type LoadCompose } from "./check.ts";
import { type BranchDraft, createDrafter } from "./draft.ts";
import { judge, type Verdict } from "./judge.ts";
import { defaultLimits, type SizeLimits } from "./layout.ts";
import { type BranchSnapshot, entryOf, type FleetSnapshot } from "./model.ts";
import { createRecorder } from "./record.ts";
import type { RoleContent } from "./role.ts";
import { createStanding, type UnreadCommit } from "./standing.ts";

interface ReleaseControllerOptions {
  mirror: Mirror;
  bundles: BundleStore;
  store: Pick<
    Store,
    | "branches"
    | "saveBranch"
    | "release"
    | "saveRelease"
    | "addEvents"
    | "lastSnapshot"
    | "snapshot"
  >;
  bus: Bus;
  clock: Clock;
  readonly loadCompose: LoadCompose;
  /** By default the branch that the remote's HEAD names. */
  defaultBranch?: string;
  limits?: SizeLimits;
  /** Gets every new state of the fleet; what it throws makes the next `advance` try again. */
  onFleet(fleet: FleetSnapshot): Promise<void>;
}

export interface ReleaseController {
  /** Takes up the commits that were accepted before the hub stopped. */
  start(): Promise<void>;
  /** Judges the heads unless they are the ones of the last call. One call at a time. */
  advance(heads: ReadonlyMap<string, string>): Promise<void>;
  /** Undefined before the first accepted commit. */
  snapshot(): FleetSnapshot | undefined;
  /** The fleet as it would be with this commit on the branch; nothing is taken up.
   *  @throws FleetError not_found when the commit is not in the repository; repository_invalid, role_invalid */
  candidate(branch: string, commit: string): Promise<FleetSnapshot>;
  /** As `candidate`, after the same checks that a commit passes before it is accepted.
   *  @throws FleetError as `candidate`; what refuses a commit */
  checked(branch: string, commit: string): Promise<FleetSnapshot>;
  /** The fleet as these commits describe it together.
   *  @param commits by branch
   *  @throws as `candidate` */
  snapshotOf(
    defaultBranch: string,
    commits: Readonly<Record<string, string>>,
  ): Promise<FleetSnapshot>;
  /** Contents of the roles at a commit, by digest.
   *  @throws as `candidate` */
  contents(branch: string, commit: string): Promise<Map<Digest, RoleContent>>;
  /** Accepted commits that cannot be read: what was followed of their branches last stands for them. */
  unread(): UnreadCommit[];
  /** Releases of every accepted commit, also of branches that no deployment names now. */
  inUse(): Digest[];
}

export function createReleaseController(options: ReleaseControllerOptions): ReleaseController {
  const { mirror, bundles, loadCompose, limits = defaultLimits } = options;
  const announce = createAnnouncer(options);
  const drafter = createDrafter({ mirror, bundles, limits });
  const commitInfo = (commit: string) => mirror.commitInfo(commit);
  const recorder = createRecorder({ ...options, announce, commitInfo });
  const standing = createStanding({ ...options, drafter, announce });
  const accepted = standing.drafts;
  let handled: string | undefined;
  let fleet: FleetSnapshot | undefined;

  const branchName = async (): Promise<string | undefined> =>
    options.defaultBranch ?? (await mirror.defaultBranch());
  const publish = async (defaultBranch: string): Promise<void> => {
    fleet = fleetOf(defaultBranch, accepted);
    if (fleet !== undefined) await options.onFleet(fleet);
  };
  const draftAt = async (branch: string, commit: string, main: string): Promise<BranchDraft> => {
    const known = accepted.get(branch);
    if (known?.snapshot.commit === commit) return known;
    if (!(await mirror.has(commit))) throw unknownCommit(commit);
    return drafter.draft(branch, commit, main);
  };
  const candidateOf = (draft: BranchDraft, main: string): FleetSnapshot => {
    const { branch, commit } = draft.snapshot;
    const candidate = fleetOf(main, new Map([...accepted, [branch, draft]]));
    if (candidate === undefined) throw unknownCommit(commit);
    return candidate;
  };
  const record = async (verdict: Verdict, warnings: readonly string[] = []): Promise<void> => {
    const { branch } = verdict;
    if (!("draft" in verdict)) {
      return recorder.refused(branch, verdict.head, verdict.refusal.sentence);
    }
    await mirror.keep(branch, verdict.head);
    const before = accepted.get(branch)?.snapshot;
    await recorder.accepted(verdict.draft.snapshot, before, warnings);
    standing.accept(verdict.draft);
  };

  return {
    start: async () => {
      const main = await branchName();
      if (main === undefined) return;
      await standing.takeUp(main);
      await publish(main);
    },
    advance: async (heads) => {
      const seen = JSON.stringify([...heads]);
      if (seen === handled) return;
      const defaultBranch = await branchName();
      if (defaultBranch === undefined) return;
      const isTakenUp = await standing.takeUpFetched(defaultBranch);
      const read = (branch: string, commit: string) => drafter.draft(branch, commit, defaultBranch);
      const warned = new Map<string, readonly string[]>();
      const verdicts = await judge({
        ...{ defaultBranch, heads, accepted, read, loadCompose },
        onWarnings: (branch, warnings) => void warned.set(branch, warnings),
      });
      for (const verdict of verdicts) await record(verdict, warned.get(verdict.branch));
      await publish(defaultBranch);
      handled = isTakenUp ? seen : undefined;
    },
    snapshot: () => fleet,
    candidate: async (branch, commit) => {
      const main = fleet?.defaultBranch ?? branch;
      return candidateOf(await draftAt(branch, commit, main), main);
    },
    checked: async (branch, commit) => {
      const main = fleet?.defaultBranch ?? branch;
      const draft = await draftAt(branch, commit, main);
      const candidate = candidateOf(draft, main);
      const { deployments = [], devices: declared = {} } = candidate.branches[main] ?? {};
      const own = deployments.filter((one) => one.branch === branch);
      await checkDraft({ draft, deployments: own, declared, loadCompose });
      return candidate;
    },
    snapshotOf: async (defaultBranch, commits) => {
      const drafts = new Map<string, BranchDraft>();
      for (const [branch, commit] of Object.entries(commits)) {
        drafts.set(branch, await draftAt(branch, commit, defaultBranch));
      }
      const snapshot = fleetOf(defaultBranch, drafts);
      if (snapshot === undefined) throw unknownCommit(commits[defaultBranch] ?? defaultBranch);
      return snapshot;
    },
    contents: async (branch, commit) => {
      const { roles } = await draftAt(branch, commit, fleet?.defaultBranch ?? branch);
      return new Map([...roles.values()].map((role) => [role.release.digest, role]));
    },
    unread: () => standing.unread().filter(({ branch }) => isFollowed(fleet, branch)),
    inUse: () =>
      [...accepted.values()].flatMap(({ snapshot }) =>
        Object.values(snapshot.roles).map(({ digest }) => digest),
      ),
  };
}

/** What no deployment names is missed by nobody; of a fleet that is not known yet nobody can say. */
function isFollowed(fleet: FleetSnapshot | undefined, branch: string): boolean {
  return fleet === undefined || entryOf(fleet.branches, branch) !== undefined;
}

function unknownCommit(commit: string): FleetError {
  return new FleetError("not_found", {
    message: `the repository has no commit ${commit}`,
    hint: "Push it, and wait for the next fetch.",
    subject: commit,
  });
}

/** The default branch and the branches that its deployments name, each at its accepted commit. */
function fleetOf(
  defaultBranch: string,
  accepted: ReadonlyMap<string, BranchDraft>,
): FleetSnapshot | undefined {
  const main = accepted.get(defaultBranch)?.snapshot;
  if (main === undefined) return undefined;
  const named = new Set([defaultBranch, ...main.deployments.map(({ branch }) => branch)]);
  const branches = [...named].flatMap((name): [string, BranchSnapshot][] => {
    const snapshot = accepted.get(name)?.snapshot;
    return snapshot === undefined ? [] : [[name, snapshot]];
  });
  return { defaultBranch, branches: Object.fromEntries(branches) };
}
