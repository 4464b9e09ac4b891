// Before anything moves: devices that change, bytes, services that restart, and what stands in the way.
import assert from "node:assert/strict";
import type { Preview } from "#hub/rollout/preview.ts";
import { AppName, DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { withHub } from "#test/support/hub.ts";
import { robotCompose, site } from "#test/support/sites.ts";
import { begun, release, robots, settle, version } from "./bench.ts";

const test = suite("hub/rollout preview");
const name = AppName.parse("robots");
const six = robots(6);
const two = `${robotCompose}  status:\n    image: example/status:1\n    volumes: ["./www:/www:ro"]\n`;

test("shows devices, bytes, services and risks of a commit that nobody has taken up", () =>
  withHub(async (bench) => {
    const { hub } = await begun(bench, undefined, six);
    const www = { "roles/robot/www/index.html": "one" };
    bench.repository.commit({ "roles/robot/compose.yaml": two, ...www });
    await hub.sync();
    await settle(hub, six);
    await hub.store.changeDevices([
      { id: six[0]?.id ?? ("" as never), connection: "Offline" },
      { id: six[1]?.id ?? ("" as never), mode: "hold", modeReason: "the fair" },
    ]);
    bench.repository.git("checkout", "--quiet", "-b", "proposal");
    const commit = bench.repository.commit({ "roles/robot/www/index.html": "two" });
    await hub.mirror.fetch();
    const preview = await hub.previews.preview(name, commit);
    assert.deepEqual(
      preview.devices.map(({ services, risks }) => [services, risks]),
      six.slice(1).map((_, at) => [["status"], at === 0 ? ["away"] : []]),
    );
    assert.deepEqual(keptIn(preview), ["pi-001 mode the fair"]);
    assert.ok(preview.devices.every(({ downloadBytes }) => downloadBytes > 0));
    assert.equal(preview.commit, commit);
    // Nothing was taken up.
    assert.deepEqual((await hub.store.rollouts({ limit: 5 })).rows, []);
  }));

test("a change of one site's value concerns its devices, without a download", () =>
  withHub(async (bench) => {
    const { hub } = await begun(bench, { steps: [{ count: 1 }] }, six);
    bench.repository.git("checkout", "--quiet", "-b", "proposal");
    const commit = bench.repository.commit({ "sites/berlin.yaml": site({ ROBOT_COUNT: 9 }) });
    await hub.mirror.fetch();
    const preview = await hub.previews.preview(name, commit);
    assert.deepEqual(
      preview.devices.map(({ device, downloadBytes, services }) => [
        device,
        downloadBytes,
        services,
      ]),
      [
        ["pi-000", 0, []],
        ["pi-003", 0, []],
      ],
    );
    assert.equal(preview.unchanged, 4);
  }));

test("names devices that a pin keeps, with the reason, and only those that would change", () =>
  withHub(async (bench) => {
    const { hub } = await begun(bench, undefined, six);
    const old = bench.repository.git("rev-parse", "HEAD");
    const by = { operator: "ada", reason: "the fair" };
    await hub.control.pin({ device: DeviceId.parse("pi-000"), to: old, ...by });
    bench.repository.git("checkout", "--quiet", "-b", "proposal");
    const commit = bench.repository.commit(version(2));
    await hub.mirror.fetch();
    const preview = await hub.previews.preview(name, commit);
    assert.deepEqual(keptIn(preview), ["pi-000 pin the fair"]);
    assert.equal(preview.devices.length, 5);
    assert.equal(preview.unchanged, 0);
    const present = await hub.previews.preview(name);
    assert.deepEqual([present.kept, present.devices, present.unchanged], [[], [], 6]);
  }));

test("a pinned device is compared with what it is pinned to, not with the rest of the fleet", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, undefined, six);
    const by = { operator: "ada", reason: "the fair" };
    await hub.control.pin({ device: DeviceId.parse("pi-000"), to: digests[0] ?? "", ...by });
    await release(bench, hub, digests, 2);
    await settle(hub, six);
    const preview = await hub.previews.preview(name);
    assert.deepEqual(keptIn(preview), ["pi-000 pin the fair"]);
    assert.deepEqual([preview.devices, preview.unchanged], [[], 5]);
  }));

function keptIn({ kept }: Preview): string[] {
  return kept.flatMap(({ device, why }) =>
    why.map(({ kind, reason }) => `${device} ${kind} ${reason}`),
  );
}

test("refuses a deployment or a commit that is not there", () =>
  withHub(async (bench) => {
    const { hub } = await begun(bench, { steps: [] }, six);
    const { previews } = hub;
    await assert.rejects(previews.preview(AppName.parse("none")), { code: "not_found" });
    await assert.rejects(previews.preview(name, "1".repeat(40)), { code: "not_found" });
  }));
