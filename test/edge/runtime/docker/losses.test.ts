// Volumes whose directories vanish under running containers.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import type { ComposeProject, ComposeService } from "#shared/compose/model.ts";
import { suite } from "#test/suite.ts";
import { docker } from "#test/support/engine.ts";
import { closeDevice, inside, testDevice } from "./device.ts";

const test = suite("volumes lost under a container");
test.after(closeDevice);

const mount: ComposeService["mounts"][number] = {
  type: "volume",
  source: "data",
  target: "/data",
  readOnly: false,
  noCopy: false,
};
const volumes = (external: boolean, name?: string): ComposeProject["volumes"] => ({
  data: { driverOptions: {}, external, labels: {}, ...(name === undefined ? {} : { name }) },
});

/** As `rm -rf` under the Engine's directory does: the Engine itself removes no volume that is in use. */
function vanish(volume: string): void {
  const path = docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume);
  assert.match(path, /\/volumes\/fleet-test-[^/]+\/_data$/);
  rmSync(dirname(path), { recursive: true });
}

test.real("docker", "are found, told of the copies that had them, and made anew", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const made = app("lossy", [service("web", { mounts: [mount] }), service("other")], {
    volumes: volumes(false),
  });
  await up(made);
  const all = await until(
    made,
    (seen) => seen.filter((one) => one.state === "running").length === 2,
  );
  const volume = `${made.project}_data`;
  assert.deepEqual(await runtime.examine?.(made), []);
  vanish(volume);
  assert.deepEqual(await runtime.examine?.(made), [`volume ${volume} is gone`]);
  const seen = await runtime.observe();
  const lost = seen.filter((one) => one.lost !== undefined);
  assert.deepEqual(
    lost.map(({ id, lost: what }) => [id, what]),
    [[all.find((one) => one.service === "web")?.id, [`volume ${volume} is gone`]]],
  );
  for (const one of lost) await runtime.remove(one);
  await runtime.prepare(made);
  await runtime.start(made, { service: "web", index: 1 });
  await until(made, (now) => now.length === 2 && now.every((one) => one.lost === undefined));
  assert.deepEqual(await runtime.examine?.(made), []);
  inside(`${made.project}-web-1`, "touch", "/data/there");
});

test.real("docker", "are only told of where they are external: what serves goes on", async () => {
  const { app, service, up, runtime, name } = testDevice();
  const volume = `${name}-outside`;
  docker("volume", "create", "--label", `metrica.fleet.device=${name}`, volume);
  const spec = service("web", { mounts: [mount] });
  const made = app("guest", [spec], { volumes: volumes(true, volume) });
  await up(made);
  vanish(volume);
  assert.deepEqual(await runtime.examine?.(made), [`volume ${volume} is gone`]);
  const seen = await runtime.observe();
  assert.deepEqual(
    seen.filter((one) => one.lost !== undefined),
    [],
  );
});
