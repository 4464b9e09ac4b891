import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { docker, importBusybox, removeImage, uniqueName } from "#test/support/engine.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("a command that the image lacks, on Docker", { limitMs: 300_000 });
const image = uniqueName("sample");
let fleet: TestFleet | undefined;

test.after(async () => {
  if (fleet === undefined) return;
  const project = `${fleet.fleet.devices[0]}-robots`;
  await fleet.stop();
  removeImage(image);
  const left = ["ps -aq", "network ls -q"].map((list) =>
    docker(...list.split(" "), "--filter", `label=com.docker.compose.project=${project}`),
  );
  assert.deepEqual(left, ["", ""]);
});

async function idsOf({ instances, fleet: { devices } }: TestFleet, service: string) {
  const copies = await instances(devices[0] ?? "", "robots", service);
  return copies.map(({ id }) => id).sort();
}

test.real("docker", "is found at the start, rolled back, and named with its service", async () => {
  importBusybox(image);
  fleet = await launchFleet({ runtime: "docker", image, devices: 1 });
  await fleet.converged();
  const robots = await idsOf(fleet, "robot");
  const device = fleet.fleet.devices[0] ?? "";
  await fleet.edit("roles/robot/compose.yaml", (text) =>
    text.replace('["httpd",', '["no-such-program",'),
  );
  await fleet.commit("A program that nobody has");
  const { app, until, statusPort } = fleet;
  const failure = await until("the failure", async () => {
    const { failure: told, step, health } = await app(device, "robots");
    return step === undefined && health === "Healthy" ? told : undefined;
  });
  assert.equal(failure.code, "command_missing");
  assert.match(failure.message, /^service status .*no-such-program/);
  assert.deepEqual(await idsOf(fleet, "robot"), robots);
  const served = await fetch(`http://127.0.0.1:${await statusPort(device)}/health.json`);
  assert.equal(served.status, 200);
});
