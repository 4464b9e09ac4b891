// A rollout over several commits that has halted, and canaries that go on with a bisect of it.
import assert from "node:assert/strict";
import { begun, obey, type Robot, robots, settle, version } from "#test/hub/rollout/bench.ts";
import type { HubBench, RunningHub } from "#test/support/hub.ts";

export const steps = [{ count: 10 }];
export const by = { operator: "ada", reason: "which commit?" };

/** Versions from this one on fail on one model. */
const failsFrom =
  (bad: number, digests: readonly string[]) =>
  (robot: Robot, digest: string): boolean =>
    robot.model.endsWith("3") && digests.indexOf(digest) + 1 >= bad;

export interface Story {
  hub: RunningHub;
  all: Robot[];
  /** By version, from 1. */
  commits: string[];
  digests: string[];
  fails: (robot: Robot, digest: string) => boolean;
}

/** A fleet at version 1 and a rollout of the last version, so many commits later, that has halted. */
export async function halted(
  bench: HubBench,
  bad: number,
  { count = 20, last = 9 }: { count?: number; last?: number } = {},
): Promise<Story> {
  const all = robots(count, 3);
  const { hub, digests } = await begun(bench, { steps }, all);
  const commits = [bench.repository.git("rev-parse", "HEAD")];
  for (let number = 2; number <= last; number += 1) {
    commits.push(bench.repository.commit(version(number), `version ${number}`));
  }
  await hub.sync();
  for (const commit of commits.slice(1)) {
    const { branches } = await hub.releases.candidate("main", commit);
    digests.push(branches["main"]?.roles["robot"]?.digest ?? "");
  }
  const fails = failsFrom(bad, digests);
  await settle(hub, all, fails);
  const [row] = (await hub.store.rollouts({ limit: 1 })).rows;
  assert.equal(row?.head.state, "Halted");
  return { hub, all, commits, digests, fails };
}

/** Devices and hub go on until nothing moves. */
export async function search({
  hub,
  all,
  fails,
}: Pick<Story, "hub" | "all" | "fails">): Promise<void> {
  for (let moved = 1; moved > 0; ) {
    moved = (await obey(hub, all, fails)).length;
    await hub.bisects.settle();
    moved += (await obey(hub, all, fails)).length;
  }
}

export async function outcome(hub: RunningHub) {
  const row = await hub.store.bisectOf(1);
  return [row?.bisect.state, row?.bisect.outcome];
}
