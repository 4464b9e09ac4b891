import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";
import { tellHandOver } from "./hand_over.ts";

const test = suite("an update without a gap, on processes", { limitMs: 400_000 });
let fleet: TestFleet | undefined;

test.before(async () => {
  fleet = await launchFleet({ runtime: "process", devices: 1 });
});
test.after(async () => fleet?.stop());

tellHandOver({
  test,
  fleet: () => {
    if (fleet === undefined) throw new Error("no fleet");
    return fleet;
  },
});
