import * as assert from "node:assert/strict";
import { graceMs } from "#hub/run/advance.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { withBench } from "./bench.ts";

const test = suite("runs of plans");

async function refusal(act: Promise<unknown>): Promise<string> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FleetError, "it was not refused");
  return `${error.code}: ${error.message}`;
}

test("a run takes a device from service to maintenance and back", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    assert.equal(bench.phase(device), "READY Provisioned");
    const run = await bench.order(device);
    assert.equal(bench.phase(device), "MAINTENANCE Provisioned");
    assert.equal((await bench.run(run)).head.state, "Pending");
    bench.provider.tick(device);
    await bench.runs.settle();
    const { head } = await bench.run(run);
    assert.deepEqual([head.state, head.step], ["Running", { index: 0, kind: "drain", attempt: 1 }]);
    await bench.finish(device);
    assert.equal((await bench.run(run)).head.state, "Succeeded");
    assert.equal(bench.phase(device), "READY Provisioned");
    assert.equal(bench.provider.order(device), undefined);
    assert.deepEqual(await bench.reasons(), [
      "RunOrdered",
      "PhaseChanged",
      "RunSucceeded",
      "PhaseChanged",
    ]);
  }));

test("the end of each run is told once, over a restart too", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    await bench.order(device);
    assert.deepEqual(bench.ended, []);
    await bench.finish(device);
    await bench.restart();
    const second = await bench.order(device, "upgrade");
    await bench.runs.cancel(second.id, { operator: "ann", reason: "test" });
    await bench.runs.cancel(second.id, { operator: "ann", reason: "test" });
    await bench.runs.settle();
    assert.deepEqual(bench.ended, ["reboot Succeeded", "upgrade Cancelled"]);
  }));

test("the same request is the same run, also after its end, and another body is refused", () =>
  withBench(async (bench) => {
    const [device, other] = (await bench.enrol("pi-1", "pi-2")) as [DeviceId, DeviceId];
    const given = { request: "weekly", parameters: { APP: "robots" } };
    const first = await bench.order(device, "upgrade", given);
    assert.equal((await bench.order(device, "upgrade", given)).id, first.id);
    await bench.finish(device);
    assert.equal((await bench.order(device, "upgrade", given)).id, first.id);
    const reused = await refusal(bench.order(device, "reboot", { request: "weekly" }));
    assert.match(reused, /^request_reused: the request weekly was already used/);
    const changed = { request: "weekly", parameters: { APP: "sensors" } };
    assert.match(await refusal(bench.order(device, "upgrade", changed)), /^request_reused/);
    assert.notEqual((await bench.order(other, "upgrade", given)).id, first.id);
  }));

test("a device that sleeps is taken as gone only after a poll that it missed", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    await bench.store.changeDevices([{ id: device, heartbeatMs: 900_000 }]);
    const run = await bench.order(device, "rma");
    bench.setClock(24 * 60_000);
    await bench.runs.settle();
    assert.equal((await bench.run(run)).head.state, "Pending");
    bench.provider.tick(device);
    await bench.runs.settle();
    assert.equal((await bench.run(run)).head.state, "Running");
  }));

test("a device has one run at a time; the refusal names it", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device);
    assert.match(
      await refusal(bench.order(device, "upgrade")),
      new RegExp(`^state_conflict: run ${run.id} of reboot goes on`),
    );
  }));

test("a step that fails after its retries fails the run, and the device needs intervention", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device, "upgrade");
    while (bench.provider.tick(device, false)) await bench.runs.settle();
    const { head } = await bench.run(run);
    assert.deepEqual([head.state, head.code, head.step?.attempt], ["Failed", "step_failed", 3]);
    assert.equal(bench.phase(device), "MAINTENANCE Provisioned NeedsIntervention");
    const given = { operator: "ann", reason: "cable was loose" };
    await bench.runs.place(device, "READY", given);
    assert.equal(bench.phase(device), "READY Provisioned");
  }));

test("cancel is at once and idempotent; the order says so until the device has answered", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device);
    bench.provider.tick(device);
    const given = { operator: "ann", reason: "wrong device" };
    const cancelled = await bench.runs.cancel(run.id, given);
    assert.equal(cancelled.head.state, "Cancelled");
    assert.equal(bench.phase(device), "MAINTENANCE Provisioned NeedsIntervention");
    assert.equal(bench.provider.order(device)?.cancel, true);
    const events = (await bench.reasons()).length;
    assert.equal((await bench.runs.cancel(run.id, given)).version, cancelled.version);
    assert.equal((await bench.reasons()).length, events);
    await bench.finish(device);
    assert.equal(bench.provider.order(device), undefined);
    assert.equal((await bench.run(run)).head.state, "Cancelled");
    assert.equal(bench.provider.told(run.id).at(-1), "run.ended");
  }));

test("a run that is over cannot be cancelled", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device);
    await bench.finish(device);
    const given = { operator: "ann", reason: "too late" };
    assert.match(await refusal(bench.runs.cancel(run.id, given)), /^state_conflict: .* Succeeded$/);
  }));

test("a silent device fails its run by the deadline, and gets it cancelled when it comes back", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device);
    bench.provider.tick(device);
    await bench.runs.settle();
    await bench.clock.advance(600_000 + graceMs - 2000);
    await bench.runs.settle();
    assert.equal((await bench.run(run)).head.state, "Running");
    await bench.clock.advance(4000);
    await bench.runs.settle();
    const { head } = await bench.run(run);
    assert.deepEqual([head.state, head.code], ["Failed", "step_timeout"]);
    assert.match(head.message ?? "", /has not been heard of for 15 min/);
    assert.equal(bench.provider.order(device)?.cancel, true);
    await bench.finish(device);
    assert.equal((await bench.run(run)).head.state, "Failed");
    assert.equal(bench.provider.order(device), undefined);
  }));

test("rma ends the identity and is left by other hardware alone", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device, "rma");
    await bench.finish(device);
    assert.equal((await bench.run(run)).head.state, "Succeeded");
    assert.equal(bench.phase(device), "RMA");
    assert.equal(await bench.store.secretHash(device), "");
    assert.deepEqual(bench.disconnected, [device]);
    assert.match(await refusal(bench.order(device)), /^state_conflict: pi-1 is RMA/);
    const given = { operator: "ann", reason: "please" };
    assert.match(await refusal(bench.runs.place(device, "READY", given)), /^state_conflict/);
    await bench.enrol("pi-1");
    assert.equal(bench.phase(device), "READY Provisioned");
  }));

test("a device that does not answer its rma is taken as gone, and what replaces it is not emptied", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device, "rma");
    await bench.clock.advance(11 * 60_000);
    await bench.runs.settle();
    assert.equal((await bench.run(run)).head.state, "Succeeded");
    assert.equal(bench.phase(device), "RMA");
    assert.equal(bench.provider.order(device), undefined);
    await bench.enrol("pi-1");
    assert.equal(bench.phase(device), "READY Provisioned");
    assert.equal(bench.provider.order(device), undefined);
  }));

test("an imported device waits for its first start, and repave-join brings it into service", () =>
  withBench(async (bench) => {
    bench.apps = 1;
    const device = "pi-9" as DeviceId;
    await bench.runs.importDevices([{ id: device, labels: { site: "north" } }], "ann");
    assert.equal(bench.phase(device), "FACTORY_READY");
    const run = await bench.order(device, "repave-join");
    assert.equal(bench.phase(device), "PROVISIONING");
    await bench.clock.advance(24 * 3_600_000);
    await bench.enrol("pi-9");
    assert.equal(bench.phase(device), "PROVISIONING");
    assert.deepEqual(bench.book.labelsOf(device), { site: "north" });
    await bench.finish(device);
    assert.equal((await bench.run(run)).head.state, "Succeeded");
    assert.equal(bench.phase(device), "READY Provisioned");
  }));

test("a hub that starts again goes on with what it ordered", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const run = await bench.order(device);
    bench.provider.tick(device);
    await bench.restart();
    assert.equal(bench.provider.order(device)?.id, run.id);
    await bench.finish(device);
    assert.equal((await bench.run(run)).head.state, "Succeeded");
    await bench.restart();
    assert.equal(bench.phase(device), "READY Provisioned");
  }));

test("a phase that only the store knows, brought back by its device, is kept", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    await bench.runs.place(device, "MAINTENANCE", { operator: "ann", reason: "its fan" });
    const before = await bench.store.lifecycle(device);
    bench.book.load([], []);
    await bench.enrol("pi-1");
    assert.equal(bench.phase(device), "MAINTENANCE Provisioned");
    assert.deepEqual(await bench.store.lifecycle(device), before);
  }));

test("100 runs go on at the same time and all come to their own end", () =>
  withBench(async (bench) => {
    const names = Array.from({ length: 100 }, (_, at) => `pi-${String(at).padStart(3, "0")}`);
    const devices = await bench.enrol(...names);
    const ordered = await Promise.all(devices.map((device) => bench.order(device)));
    assert.equal(new Set(ordered.map(({ id }) => id)).size, 100);
    const failing = new Set(devices.filter((_, at) => at % 10 === 0));
    for (let moved = true; moved; ) {
      moved = devices
        .map((device) => bench.provider.tick(device, !failing.has(device)))
        .some(Boolean);
      await bench.runs.settle();
    }
    const states = await Promise.all(ordered.map(async (run) => (await bench.run(run)).head.state));
    assert.equal(states.filter((state) => state === "Succeeded").length, 90);
    assert.equal(states.filter((state) => state === "Failed").length, 10);
    assert.equal((await bench.store.openRuns()).length, 0);
    const held = devices.filter((device) => bench.phase(device).includes("NeedsIntervention"));
    assert.deepEqual(new Set(held), failing);
  }));
