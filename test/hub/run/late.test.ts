// Runs over time that cannot be trusted: silent devices, hubs that were away, and clocks that jump.
import * as assert from "node:assert/strict";
import { graceMs } from "#hub/run/advance.ts";
import { createAttendance } from "#hub/run/attendance.ts";
import type { NewEvent } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { type RunBench, withBench } from "./bench.ts";

const test = suite("runs of which word comes late");

/** A run that its device takes up, and of which the hub then hears nothing until it has given it up. */
async function givenUp(bench: RunBench) {
  const [device] = (await bench.enrol("pi-1")) as [DeviceId];
  const run = await bench.order(device);
  bench.provider.tick(device);
  await bench.runs.settle();
  const order = bench.provider.order(device);
  assert.ok(order !== undefined);
  await bench.clock.advance(600_000 + graceMs + 2000);
  await bench.runs.settle();
  return { device, run, order };
}

test("a device that finished while the hub did not hear it is taken at its word, and is well again", () =>
  withBench(async (bench) => {
    const { device, run, order } = await givenUp(bench);
    assert.equal((await bench.run(run)).head.state, "Failed");
    assert.equal(bench.phase(device), "MAINTENANCE Provisioned NeedsIntervention");
    // It had not been told that it was given up.
    await bench.provider.deliver([{ device, order }]);
    await bench.finish(device);
    const { head } = await bench.run(run);
    assert.deepEqual([head.state, head.code, head.isStanding], ["Succeeded", null, false]);
    assert.equal(bench.phase(device), "READY Provisioned");
    assert.deepEqual(bench.ended, ["reboot Failed", "reboot Succeeded"]);
    assert.deepEqual((await bench.reasons()).slice(-4), [
      ...["RunFailed", "PhaseChanged", "RunSucceeded", "PhaseChanged"],
    ]);
  }));

test("neither a pause nor a hub that was away fails a run, and their end lets its time go on", () =>
  withBench(async (bench) => {
    const { store, clock, runs } = bench;
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    await store.attend(clock.now(), clock.now());
    const run = await bench.order(device);
    const told = (reason: string): NewEvent => {
      const about = { at: clock.now(), device: null, app: null, source: "hub" } as const;
      return { ...about, type: "Normal", reason, message: reason };
    };
    const state = async (): Promise<string> => (await bench.run(run)).head.state;
    await store.setPause(
      { cause: "restored", reason: "an old copy", at: clock.now() },
      told("FleetPaused"),
    );
    await clock.advance(3 * 3_600_000);
    await runs.settle();
    assert.equal(await state(), "Pending");
    await store.setPause(null, told("FleetResumed"));
    await runs.reload();
    await runs.settle();
    assert.equal(await state(), "Pending");
    await store.attend(clock.now(), clock.now());
    await runs.stop();
    await clock.advance(3 * 3_600_000);
    await store.attend(clock.now(), clock.now());
    await bench.restart();
    assert.equal(await state(), "Pending");
    await clock.advance(2 * 3_600_000);
    await bench.runs.settle();
    assert.equal(await state(), "Failed");
  }));

test("a late end changes nothing of what a person has said of the device since", () =>
  withBench(async (bench) => {
    const { device, run, order } = await givenUp(bench);
    await bench.runs.place(device, "READY", { operator: "ann", reason: "looked at" });
    await bench.runs.place(device, "MAINTENANCE", { operator: "ann", reason: "its fan" });
    await bench.provider.deliver([{ device, order }]);
    await bench.finish(device);
    assert.equal((await bench.run(run)).head.state, "Succeeded");
    assert.equal(bench.phase(device), "MAINTENANCE Provisioned");
  }));

test("a phase that a device brought back to the store of a restored hub is not written over", () =>
  withBench(async (bench) => {
    const { book, store, runs } = bench;
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const copied = book.lives().map((life) => ({ ...life, phase: "IN_SERVICE" as const }));
    await runs.place(device, "MAINTENANCE", { operator: "ann", reason: "its fan" });
    book.load([], copied);
    await bench.enrol("pi-1");
    assert.equal((await store.lifecycle(device))?.phase, "MAINTENANCE");
    book.load([], copied);
    await runs.place(device, "MAINTENANCE", { operator: "ann", reason: "its fan" });
    assert.equal((await bench.reasons()).filter((reason) => reason === "PhaseChanged").length, 1);
    book.load([], copied);
    await runs.importDevices([{ id: device, labels: { site: "north" } }], "ann");
    const { phase, labels } = (await store.lifecycle(device)) ?? {};
    assert.deepEqual([phase, labels], ["MAINTENANCE", { site: "north" }]);
  }));

test("a run is given to its device though the hub's clock went back since the one before", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    await bench.clock.advance(3_600_000);
    const first = await bench.order(device);
    bench.provider.tick(device);
    await bench.runs.cancel(first.id, { operator: "ann", reason: "wrong device" });
    await bench.clock.advance(-1_800_000);
    await bench.restart();
    const second = await bench.order(device);
    assert.ok(second.id > first.id);
    assert.equal(bench.provider.order(device)?.id, second.id);
    await bench.finish(device);
    assert.equal((await bench.run(second)).head.state, "Succeeded");
  }));

test("a clock that is put forward gives no device up", () =>
  withBench(async (bench) => {
    const [device] = (await bench.enrol("pi-1")) as [DeviceId];
    const { store, clock } = bench;
    const attendance = createAttendance({ store, clock });
    await attendance.start();
    bench.attend = attendance.look;
    const run = await bench.order(device);
    bench.provider.tick(device);
    await bench.runs.settle();
    bench.setClock(24 * 3_600_000);
    await bench.runs.settle();
    assert.equal((await bench.run(run)).head.state, "Running");
    await clock.advance(600_000 + graceMs + 2 * 60_000);
    await bench.runs.settle();
    assert.equal((await bench.run(run)).head.state, "Failed");
    await attendance.stop();
  }));
