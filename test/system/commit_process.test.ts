import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";
import { tellCommitStory } from "./commit.ts";

const test = suite("a commit, on processes", { limitMs: 300_000 });
let fleet: TestFleet | undefined;

test.before(async () => {
  fleet = await launchFleet({ runtime: "process" });
  await fleet.converged();
});
test.after(async () => fleet?.stop());

tellCommitStory({
  test,
  after: test.after,
  runtime: "process",
  missing: () => "no-such-program",
  fleet: () => {
    if (fleet === undefined) throw new Error("no fleet");
    return fleet;
  },
});
