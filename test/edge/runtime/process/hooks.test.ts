// Compose lifecycle hooks of processes.
import assert from "node:assert/strict";
import { join } from "node:path";
import { benchTests, only, readIfThere, shell } from "./fixture.ts";

const test = benchTests("process hooks");

test("runs the hooks, and undoes a start whose hook fails", async ({ runtime, app, release }) => {
  const one = runtime();
  const hook = (script: string) => ({
    command: ["sh", "-c", script],
    privileged: false,
    environment: { WORD: "from the hook" },
  });
  const shop = app({
    good: shell("sleep 60", {
      postStart: [hook('echo "$WORD" >started')],
      preStop: [hook("echo bye >stopping")],
    }),
    bad: shell("sleep 60", { postStart: [hook("echo no luck; exit 3")] }),
  });
  await one.start(shop, { service: "good", index: 1 });
  assert.equal(readIfThere(join(release, "started")), "from the hook\n");
  await one.remove(await only(one));
  assert.equal(readIfThere(join(release, "stopping")), "bye\n");
  await assert.rejects(one.start(shop, { service: "bad", index: 1 }), (error: Error) => {
    assert.match(error.message, /ended with code 3: no luck/);
    return true;
  });
  assert.equal((await only(one)).state, "exited");
});
