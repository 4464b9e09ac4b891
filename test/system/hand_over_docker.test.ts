import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { importBusybox, removeImage, uniqueName } from "#test/support/engine.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";
import { tellHandOver } from "./hand_over.ts";

const test = suite("an update without a gap, on Docker", { limitMs: 400_000 });
const image = uniqueName("hand-over");
let fleet: TestFleet | undefined;

test.after(async () => {
  if (fleet === undefined) return;
  await fleet.stop();
  removeImage(image);
});

tellHandOver({
  test: (name, body) =>
    test.real("docker", name, async () => {
      if (fleet === undefined) {
        importBusybox(image);
        fleet = await launchFleet({ runtime: "docker", image, devices: 1 });
      }
      await body();
    }),
  fleet: () => {
    assert.ok(fleet);
    return fleet;
  },
});
