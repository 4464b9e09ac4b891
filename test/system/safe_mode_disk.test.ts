// A real device whose disk fills up: safe mode, with the workload alive, until there is room again.
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Children, createChildren } from "#scripts/start/children.ts";
import type { InstanceReport, ReportedState } from "#shared/reported.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

/** However they are listed. */
const ids = (copies: readonly InstanceReport[]): string[] => copies.map(({ id }) => id).sort();
const test = suite("safe mode on a full disk", { limitMs: 300_000 });
let launched: TestFleet | undefined;
let mounted: string | undefined;

const run = (program: string, ...args: string[]): unknown => execFileSync(program, args);

test.after(async () => {
  await launched?.stop().catch(() => undefined);
  if (mounted === undefined) return;
  run("umount", mounted);
  rmSync(dirname(dirname(mounted)), { recursive: true, force: true });
});

/** Gives each agent a small disk of its own for its data directory. */
function onSmallDisks(children: Children): Children {
  return {
    ...children,
    start: (spec) => {
      if (spec.isAgent === true) mountUnder(dirname(spec.args[1] ?? ""));
      return children.start(spec);
    },
  };
}

function mountUnder(directory: string): void {
  const aside = join(tmpdir(), `fleet-aside-${process.pid}`);
  cpSync(directory, aside, { recursive: true });
  run("mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", directory);
  mounted = directory;
  cpSync(aside, directory, { recursive: true });
  rmSync(aside, { recursive: true });
}

const hogOf = (directory: string): string => join(directory, "hog");

function fill(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  const taken = Math.max(0, bavail * bsize - 2_000_000);
  appendFileSync(hogOf(directory), Buffer.alloc(taken));
}

test.real(
  "mount",
  "a full disk leads in, and free space out; the workload lives through it",
  async () => {
    const fleet = await launchFleet({
      runtime: "process",
      devices: 1,
      children: onSmallDisks(createChildren(() => undefined)),
    });
    launched = fleet;
    await fleet.converged();
    const [device = ""] = fleet.fleet.devices;
    const directory = mounted ?? "";
    const reported = async (): Promise<ReportedState | undefined> =>
      (await fleet.api<{ reported?: ReportedState }>(`/v1/devices/${device}`)).reported;
    const robots = await fleet.instances(device, "robots", "robot");

    // What the agent gives up to make room is taken as well.
    await fleet.until("safe mode", async () => {
      fill(directory);
      return (await reported())?.safeMode?.cause === "diskFull";
    });
    const port = await fleet.statusPort(device);
    assert.equal((await fetch(`http://127.0.0.1:${port}/health.json`)).status, 200);

    rmSync(hogOf(directory));
    await fleet.until("the way out", async () => (await reported())?.safeMode === undefined);
    await fleet.edit("roles/robot/status/www/index.html", (text) => `${text}<!-- room -->\n`);
    const commit = await fleet.commit("There is room again");
    await fleet.until("the commit", async () => {
      const { current, sync } = await fleet.app(device, "robots");
      return sync === "Synced" && current?.commit === commit;
    });
    assert.deepEqual(ids(await fleet.instances(device, "robots", "robot")), ids(robots));
  },
);
