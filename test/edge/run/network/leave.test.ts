// Giving up what was before a change of the network: only between two tries, and only after the latest one.
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNetworkChange } from "#edge/run/network/change.ts";
import { type ChangeFiles, changeFiles } from "#edge/run/network/record.ts";
import type { NetworkChange } from "#edge/run/port.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/run network change that cannot be taken back");

/** After twelve tries, without a guard: the test says what it would do. */
function within(body: (change: NetworkChange, files: ChangeFiles) => void): () => void {
  return () => {
    const directory = mkdtempSync(join(tmpdir(), "fleet-leave-"));
    const files = changeFiles(directory);
    const command = ["/bin/false"];
    const common = { bootId: "boot-1", bootIdFile: join(directory, "boot-id") };
    files.keep({ ...common, command, former: "", deadlineMs: 0 });
    files.claim("returned");
    files.noteTrouble({ tries: 12, message: "no" });
    try {
      body(createNetworkChange({ ...common, directory, command, clock }), files);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

test(
  "is left as it is, and that is final",
  within((change, files) => {
    assert.equal(change.leave(12), true);
    assert.deepEqual(change.state(), { is: "left" });
    assert.ok(files.isAskedToLeave(), "a guard that wakes up begins no other try");
  }),
);

test(
  "is not left while a try is under way, after another one, or when the former settings are back",
  within((change, files) => {
    files.beginTry();
    assert.equal(change.leave(12), false);
    files.endTry();
    assert.equal(change.leave(11), false);
    assert.equal(files.isAskedToLeave(), false, "the guard goes on");
    assert.equal(change.state().is, "returning");
    files.noteBack();
    assert.equal(change.leave(12), false);
    assert.equal(change.state().is, "returned");
  }),
);
