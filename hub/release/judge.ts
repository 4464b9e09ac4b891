// Decides which heads of the fleet repository are accepted, all used branches seen together.
import { asFleetError, FleetError } from "#shared/errors.ts";
import { checkDraft, type LoadCompose } from "./check.ts";
import type { BranchDraft } from "./draft.ts";
import type { Deployment } from "./model.ts";

export type Verdict =
  | { branch: string; head: string; draft: BranchDraft }
  | { branch: string; head: string | undefined; refusal: FleetError };

interface JudgeInput {
  defaultBranch: string;
  heads: ReadonlyMap<string, string>;
  /** Last accepted draft by branch. */
  accepted: ReadonlyMap<string, BranchDraft>;
  /** @throws FleetError */
  read(branch: string, commit: string): Promise<BranchDraft>;
  readonly loadCompose: LoadCompose;
  /** What a branch's content says that is probably not meant. */
  onWarnings(branch: string, warnings: readonly string[]): void;
}

/** A verdict for the default branch and for every branch that its deployments name. The default branch
 *  comes first; refused, its last accepted commit says which others count.
 *  @throws FleetError when something outside fails (mirror, disk): no verdict, try again */
export async function judge(input: JudgeInput): Promise<Verdict[]> {
  const { defaultBranch, accepted } = input;
  const main = await attempt(input, defaultBranch);
  if ("draft" in main) {
    const others = await judgeOthers(input, main.draft);
    const refusal = await faultOfDefault(input, main.draft, others);
    if (refusal === undefined) return [main, ...others];
    return afterRefusal(input, { ...main, refusal });
  }
  return accepted.has(defaultBranch) ? afterRefusal(input, main) : [main];
}

async function afterRefusal(
  input: JudgeInput,
  { branch, head, refusal }: { branch: string; head: string | undefined; refusal: FleetError },
): Promise<Verdict[]> {
  const standing = input.accepted.get(branch);
  const others = standing === undefined ? [] : await judgeOthers(input, standing);
  return [{ branch, head, refusal }, ...others];
}

async function attempt(input: JudgeInput, branch: string): Promise<Verdict> {
  const head = input.heads.get(branch);
  if (head === undefined) return { branch, head, refusal: absent(branch) };
  const standing = input.accepted.get(branch);
  const isRead = standing?.snapshot.commit === head && standing.isKept === undefined;
  if (isRead) return { branch, head, draft: standing };
  try {
    return { branch, head, draft: await input.read(branch, head) };
  } catch (error) {
    return { branch, head, refusal: asRefusal(error) };
  }
}

function judgeOthers(input: JudgeInput, main: BranchDraft): Promise<Verdict[]> {
  const named = new Set(main.snapshot.deployments.map(({ branch }) => branch));
  named.delete(input.defaultBranch);
  return mapInOrder([...named], async (branch) => {
    const verdict = await attempt(input, branch);
    if (!("draft" in verdict)) return verdict;
    const refusal = await faultOf(input, verdict.draft, main);
    return refusal === undefined ? verdict : { branch, head: verdict.head, refusal };
  });
}

/** Why the default branch's commit cannot be accepted: by itself, or for a branch that it needs. */
async function faultOfDefault(
  input: JudgeInput,
  main: BranchDraft,
  others: readonly Verdict[],
): Promise<FleetError | undefined> {
  if (main === input.accepted.get(input.defaultBranch)) return undefined;
  const own = await faultOf(input, main, main);
  if (own !== undefined) return own;
  for (const verdict of others) {
    if ("draft" in verdict) continue;
    const standing = input.accepted.get(verdict.branch);
    const fault = standing === undefined ? verdict.refusal : await faultOf(input, standing, main);
    if (fault !== undefined) return unusable(main, verdict.branch, fault);
  }
  return undefined;
}

/** What is wrong with a branch's content for the deployments that take theirs from it. */
async function faultOf(
  { loadCompose, onWarnings }: JudgeInput,
  draft: BranchDraft,
  main: BranchDraft,
): Promise<FleetError | undefined> {
  const { deployments, devices } = main.snapshot;
  const uses = ({ branch }: Deployment): boolean => branch === draft.snapshot.branch;
  try {
    const warnings = await checkDraft({
      draft,
      deployments: deployments.filter(uses),
      declared: devices,
      loadCompose,
    });
    onWarnings(draft.snapshot.branch, warnings);
    return undefined;
  } catch (error) {
    return asRefusal(error);
  }
}

/** Only a fault of the content refuses a commit; one of the machine says nothing about it. */
function asRefusal(error: unknown): FleetError {
  const known = asFleetError(error);
  if (known.retry === "later") throw known;
  return known;
}

function absent(branch: string): FleetError {
  return new FleetError("repository_invalid", {
    message: `the branch "${branch}" does not exist`,
    hint: "Push the branch, or correct its name.",
    subject: branch,
  });
}

function unusable(main: BranchDraft, branch: string, cause: FleetError): FleetError {
  const { deployments } = main.snapshot;
  const index = deployments.findIndex((deployment) => deployment.branch === branch);
  return new FleetError("repository_invalid", {
    message: `the deployment "${deployments[index]?.name}" cannot use branch ${branch}: ${cause.sentence}`,
    where: main.locate(["deployments", index, "branch"]),
    subject: branch,
    cause,
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
  });
}

async function mapInOrder<A, B>(items: A[], turn: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = [];
  for (const item of items) results.push(await turn(item));
  return results;
}
