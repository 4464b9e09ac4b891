// A real device on a small disk: what does not fit is refused, a full disk is survived, and room ends it all.
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { LocalStatus } from "#edge/page/status.ts";
import { type Children, createChildren } from "#scripts/start/children.ts";
import type { AppReport, ReportedState } from "#shared/reported.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("a device on a small disk", { limitMs: 400_000 });
const megabyte = 1_000_000;
const [reserve, ballast] = [20, 4];
/** Of what the ballast frees somebody else takes the rest at once; this much is for the journal. */
const leftOfBallast = 1.5 * megabyte;
let launched: TestFleet | undefined;
let mounted: string | undefined;

test.after(async () => {
  await launched?.stop().catch(() => undefined);
  if (mounted === undefined) return;
  run("umount", mounted);
  rmSync(dirname(dirname(mounted)), { recursive: true, force: true });
});

const run = (program: string, ...args: string[]): unknown => execFileSync(program, args);

/** Gives the agent a small disk of its own, and a reserve that suits it. */
function onSmallDisk(children: Children): Children {
  return {
    ...children,
    start: (spec) => {
      if (spec.isAgent === true) mountUnder(spec.args[1] ?? "");
      return children.start(spec);
    },
  };
}

function mountUnder(configFile: string): void {
  const config = readFileSync(configFile, "utf8");
  const disk = `reserveMegabytes: ${reserve}\n  ballastMegabytes: ${ballast}`;
  writeFileSync(configFile, config.replace(/reserveMegabytes: \d+/, disk));
  const directory = dirname(configFile);
  const aside = join(tmpdir(), `fleet-disk-aside-${process.pid}`);
  cpSync(directory, aside, { recursive: true });
  run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", directory);
  mounted = directory;
  cpSync(aside, directory, { recursive: true });
  rmSync(aside, { recursive: true });
}

function fleet(): TestFleet {
  assert.ok(launched);
  return launched;
}

const at = (...path: string[]): string => join(mounted ?? "", ...path);
const device = (): string => fleet().fleet.devices[0] ?? "";
const signage = (): Promise<AppReport> => fleet().app(device(), "signage");
const page = (path: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${fleet().pagePort}${path}`);
const local = async (): Promise<LocalStatus> => (await (await page("/v1/status")).json()) as never;
const reported = async (): Promise<ReportedState | undefined> =>
  (await fleet().api<{ reported?: ReportedState }>(`/v1/devices/${device()}`)).reported;
const copies = async (name: string): Promise<string[]> =>
  (await fleet().app(device(), name)).services
    .flatMap(({ instances }) => instances.map(({ id }) => id))
    .sort();
/** At the hub, so also that they have got there. */
const events = async (): Promise<string[]> => {
  const path = `/v1/events?device=${device()}&limit=200`;
  return (await fleet().api<{ items: { reason: string }[] }>(path)).items.map((one) => one.reason);
};

/** Takes all room but so much. */
function fill(leaveBytes: number): void {
  const { bavail, bsize } = statfsSync(at());
  appendFileSync(at("hog"), Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
}

/** A new release of the screens, with so much that does not compress. */
async function releaseOf(bytes: number): Promise<string> {
  writeFileSync(join(fleet().repository, "roles/signage/picture.bin"), randomBytes(bytes));
  return await fleet().commit(`A picture of ${bytes} bytes`);
}

const isShort = (commit: string): Promise<AppReport> =>
  fleet().until("a disk that is too short", async () => {
    const app = await signage();
    return app.target?.commit === commit && app.why?.[0]?.reason === "DiskShort" && app;
  });

const arrives = (commit: string): Promise<unknown> =>
  fleet().until("the release", async () => {
    const { current, sync, health } = await signage();
    return current?.commit === commit && sync === "Synced" && health === "Healthy";
  });

const missingWords = /short by \d+(\.\d)? MB for release [0-9a-f]{12}.*are needed and 20 MB stay/;

test.real(
  "mount",
  "a bundle that is larger than the room is refused before a byte of it",
  async () => {
    const children = createChildren(() => undefined);
    launched = await launchFleet({
      ...{ runtime: "process", devices: 1 },
      children: onSmallDisk(children),
    });
    await launched.converged(120_000);
    await fleet().until("the ballast", async () => existsSync(at("ballast")));
    const [screens, robots] = [await copies("signage"), await copies("robots")];
    const seen: (string | null)[] = [];
    const watcher = watch(at("bundles"), (_, name) => seen.push(name));
    const commit = await releaseOf(25 * megabyte);
    const { why, sync, current } = await isShort(commit).finally(() => watcher.close());
    assert.match(why?.[0]?.message ?? "", missingWords);
    assert.equal(sync, "OutOfSync");
    assert.notEqual(current?.commit, commit);
    assert.deepEqual(seen, [], "something was written beside the bundles");
    assert.equal(
      readdirSync(at("bundles")).some((name) => name.includes(".part")),
      false,
    );
    assert.deepEqual([await copies("signage"), await copies("robots")], [screens, robots]);
  },
);

test.real(
  "mount",
  "on a larger disk the same release comes by itself: it was not at fault",
  async () => {
    const commit = await fleet().git("rev-parse", "HEAD");
    run("mount", "-o", "remount,size=160m", at());
    await arrives(commit);
    assert.deepEqual((await reported())?.safeMode, undefined);
  },
);

test.real(
  "mount",
  "a disk that fills up during an update: the old release serves, nothing is quarantined",
  async () => {
    const robots = await copies("robots");
    const before = await signage();
    const screens = await copies("signage");
    fill((reserve + 2) * megabyte);
    const commit = await releaseOf(10 * megabyte);
    const { why, current } = await isShort(commit);
    assert.match(why?.[0]?.message ?? "", missingWords);
    assert.deepEqual(current, before.current);

    const { safeMode, conditions } = await fleet().until("safe mode", async () => {
      fill(existsSync(at("ballast")) ? 0 : leftOfBallast);
      const state = await reported();
      return state?.safeMode?.cause === "diskFull" && state;
    });
    assert.match(
      safeMode?.message ?? "",
      /the disk is full: \d+\.\d MB are free, and 20\.0 MB should be/,
    );
    const condition = conditions.find(({ type }) => type === "SafeMode");
    assert.deepEqual([condition?.status, condition?.reason], ["True", "DiskFull"]);
    assert.equal(existsSync(at("ballast")), false, "the ballast is still there");
    const told = await fleet().until("the events", async () => {
      const reasons = await events();
      return reasons.includes("SafeModeEntered") && reasons;
    });
    assert.ok(told.includes("BallastReleased"), told.join(", "));
    assert.equal((await local()).safeMode?.cause, "diskFull");
    const shown = await (await page("/")).text();
    assert.match(shown, /safe mode/i);
    assert.match(shown, /the disk is full/);
    assert.deepEqual([await copies("signage"), await copies("robots")], [screens, robots]);

    rmSync(at("hog"));
    await fleet().until("the way out", async () => (await reported())?.safeMode === undefined);
    await arrives(commit);
    await fleet().until("the ballast", async () => existsSync(at("ballast")));
    await fleet().until("the event", async () => (await events()).includes("SafeModeLeft"));
    assert.deepEqual(await copies("robots"), robots);
  },
);
