import * as assert from "node:assert/strict";
import { createChildren } from "#scripts/start/children.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("hung agents", { limitMs: 300_000 });
const deadlineMs = 8000;
const deaths: { name: string; how: string }[] = [];
let launched: TestFleet | undefined;

test.before(async () => {
  const children = createChildren((name, how) => void deaths.push({ name, how }), deadlineMs);
  launched = await launchFleet({ runtime: "process", devices: 1, children });
  await launched.converged();
});
test.after(async () => {
  delete process.env["FLEET_FAULT"];
  await launched?.stop();
});

function fleet(): TestFleet {
  assert.ok(launched);
  return launched;
}

const device = (): string => fleet().fleet.devices[0] ?? "";

const pid = (): number => {
  const now = fleet().fleet.children.pid(device());
  assert.ok(now !== undefined);
  return now;
};

const copies = async (app: string, service: string): Promise<string[]> =>
  (await fleet().instances(device(), app, service)).map(({ id }) => id).sort();

const pageAnswers = async (): Promise<boolean> => {
  const signal = AbortSignal.timeout(5000);
  return (await fetch(`http://127.0.0.1:${fleet().pagePort}/healthz`, { signal })).ok;
};

/** Asks the device's workload all the while and counts the times that nobody answered. */
async function whileAsking(work: () => Promise<void>): Promise<{ asked: number; failed: number }> {
  const port = await fleet().statusPort(device());
  const count = { asked: 0, failed: 0 };
  let asking = true;
  const loop = (async () => {
    while (asking) {
      const answer = await fetch(`http://127.0.0.1:${port}/health.json`).catch(() => undefined);
      count.asked += 1;
      if (answer?.status !== 200) count.failed += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  await work().finally(() => {
    asking = false;
  });
  await loop;
  return count;
}

test("one that is stopped as a whole is killed and started again, and its workloads answer throughout", async () => {
  const before = await copies("robots", "robot");
  const hung = pid();
  deaths.length = 0;
  const { asked, failed } = await whileAsking(async () => {
    const beganMs = performance.now();
    process.kill(hung, "SIGSTOP");
    await fleet().until("another agent", async () => {
      const now = fleet().fleet.children.pid(device());
      return now !== undefined && now !== hung && (await pageAnswers());
    });
    const tookMs = performance.now() - beganMs;
    process.stdout.write(`from SIGSTOP to an answering agent: ${Math.round(tookMs)} ms\n`);
    assert.ok(tookMs < 3 * deadlineMs, `${tookMs} ms`);
    await fleet().converged();
  });
  assert.deepEqual(
    deaths.map(({ name }) => name),
    [device()],
  );
  assert.match(deaths[0]?.how ?? "", /^SIGKILL, silent for \d+ s/);
  assert.deepEqual(await copies("robots", "robot"), before);
  assert.ok(asked > 20);
  assert.equal(failed, 0);
});

test("one whose loop is blocked in mid-update ends itself, says where, and the next one finishes the update", async () => {
  const before = await copies("robots", "robot");
  process.env["FLEET_FAULT"] = "after:probe=hang";
  const armed = pid();
  process.kill(armed, "SIGKILL");
  await fleet().until("an agent with a fault", async () => {
    const now = fleet().fleet.children.pid(device());
    return now !== undefined && now !== armed && (await pageAnswers());
  });
  delete process.env["FLEET_FAULT"];
  await fleet().converged();
  deaths.length = 0;
  const hung = pid();
  const { failed } = await whileAsking(async () => {
    await fleet().edit("roles/signage/screen/show.sh", (text) =>
      text.replace(/\$DEVICE \S+:/, "$DEVICE hangs:"),
    );
    const commit = await fleet().commit("Screens that make the agent hang");
    await fleet().until("the update", async () => {
      const { current, sync, health } = await fleet().app(device(), "signage");
      return current?.commit === commit && sync === "Synced" && health === "Healthy";
    });
  });
  assert.notEqual(pid(), hung);
  assert.match(deaths[0]?.how ?? "", /^SIGKILL: the agent hangs since \d+ s and ends itself: /);
  assert.equal(deaths.length, 1);
  assert.deepEqual(await copies("robots", "robot"), before);
  assert.equal(failed, 0);
});

test("one that is watched and well is left alone", async () => {
  const now = pid();
  deaths.length = 0;
  await new Promise((resolve) => setTimeout(resolve, 2 * deadlineMs));
  assert.equal(pid(), now);
  assert.deepEqual(deaths, []);
});
