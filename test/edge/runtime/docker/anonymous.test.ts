// Volumes that no Compose file names, on the real Engine: what is in them outlives the container.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import type { ComposeService } from "#shared/compose/model.ts";
import { suite } from "#test/suite.ts";
import { docker, removeImage } from "#test/support/engine.ts";
import { closeDevice, inside, inspect, testDevice } from "./device.ts";

const test = suite("anonymous volumes");
test.after(async () => {
  for (const name of made.containers) spawnSync("docker", ["rm", "-fv", name]);
  await closeDevice();
  // With the last container of it gone, or its layers would stay without a name.
  if (made.image !== undefined) removeImage(made.image);
});

const mount: ComposeService["mounts"][number] = {
  type: "volume",
  target: "/declared",
  readOnly: false,
  noCopy: false,
};
/** Beside what carries the device's label. */
const made: { image?: string; containers: string[] } = { containers: [] };

/** The test image with volumes of its own: one with content, and two that a test mounts others over. */
function imageWithVolumes(): string {
  const { image, name } = testDevice();
  if (made.image !== undefined) return made.image;
  made.image = `${name}:volumes`;
  const fill = "mkdir -p /image/deep /over /memory && echo shipped >/image/deep/file";
  const id = docker("run", "-d", "--user", "0", image, "sh", "-c", fill);
  docker("wait", id);
  docker("commit", "--change", 'VOLUME ["/image/", "/over", "/memory"]', id, made.image);
  docker("rm", id);
  return made.image;
}

/** The app with its services under another hash, as a new release has them. */
function next(app: ResolvedApp, hash: string): ResolvedApp {
  const services = Object.entries(app.services).map(([name, service]) => [
    name,
    { ...service, configHash: hash.repeat(64) },
  ]);
  return { ...app, services: Object.fromEntries(services) };
}

/** Ends the app's copies, as an update or a scaling does. */
async function removed(app: ResolvedApp, places?: string[]): Promise<void> {
  const { runtime } = testDevice();
  for (const copy of await runtime.observe()) {
    const isMeant = places?.includes(`${copy.service}-${copy.index}`) ?? true;
    if (copy.app === app.app && isMeant) await runtime.remove(copy);
  }
}

const write = (container: string, path: string, text: string): string =>
  inside(container, "sh", "-c", `echo ${text} >${path}`);
const read = (container: string, path: string): string => inside(container, "cat", path);

function mountsOf(container: string): Record<string, string> {
  const mounts = inspect(container).Mounts as { Destination: string; Name?: string }[];
  return Object.fromEntries(mounts.map(({ Destination, Name = "" }) => [Destination, Name]));
}

function volumesOf(app: ResolvedApp): string[] {
  const own = `label=com.docker.compose.project=${app.project}`;
  return docker("volume", "ls", "-q", "--filter", own)
    .split("\n")
    .filter((name) => name !== "");
}

/** As an agent made them that left the volumes to the Engine, or, without a device, docker compose. */
function madeBefore(app: ResolvedApp, image: string, device?: string): string {
  const name = `${app.project}-web-1`;
  made.containers.push(name);
  const labels = {
    "com.docker.compose.project": app.project,
    "com.docker.compose.service": "web",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.oneoff": "False",
    "com.docker.compose.config-hash": "0",
    ...(device === undefined
      ? {}
      : { "metrica.fleet.device": device, "metrica.fleet.app": app.app }),
  };
  const given = Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
  docker("run", "-d", "--name", name, ...given, "-v", "/declared", image, "sleep", "300");
  return name;
}

const places = ["web-1", "web-2"];

test.real("docker", "keep their data over an update, each copy its own", async () => {
  const { app, service, up, runtime } = testDevice();
  const image = imageWithVolumes();
  const web = service("web", { image, mounts: [mount], replicas: 2, stopGraceMs: 0 });
  const old = app("kept", [web]);
  await up(old);
  assert.equal(read(`${old.project}-web-1`, "/image/deep/file"), "shipped");
  for (const place of places) {
    write(`${old.project}-${place}`, "/declared/mine", `declared-${place}`);
    write(`${old.project}-${place}`, "/image/deep/mine", `image-${place}`);
  }
  await removed(old, ["web-2"]);
  await removed(old);
  await up(next(old, "f"));
  for (const place of places) {
    assert.equal(read(`${old.project}-${place}`, "/declared/mine"), `declared-${place}`);
    assert.equal(read(`${old.project}-${place}`, "/image/deep/mine"), `image-${place}`);
  }
  const seen = (await runtime.observe()).filter((copy) => copy.app === old.app);
  assert.deepEqual(
    seen.flatMap(({ edited, lost }) => [edited, lost]),
    [undefined, undefined, undefined, undefined],
  );
  await removed(old);
  await runtime.cleanUp(old.app, old.project);
  assert.equal(volumesOf(old).length, 8, "those of the image and the declared one, twice");
  await runtime.wipe(old.app, old.project);
  assert.deepEqual(volumesOf(old), []);
});

test.real("docker", "of a container that the Engine gave them to are taken over", async () => {
  const { app, service, up, runtime, name } = testDevice();
  const image = imageWithVolumes();
  for (const device of [name, undefined]) {
    const old = app(device === undefined ? "of-compose" : "of-before", [
      service("web", { image, mounts: [mount], stopGraceMs: 0 }),
    ]);
    // Whose project it is says the app that is to run there.
    await runtime.check(old, []).catch(() => undefined);
    const web = madeBefore(old, image, device);
    write(web, "/declared/mine", "before");
    const before = mountsOf(web);
    await removed(old);
    for (const hash of device === undefined ? ["e"] : ["e", "f"]) {
      await up(next(old, hash));
      assert.equal(read(web, "/declared/mine"), "before");
      assert.deepEqual(mountsOf(web), before);
      await removed(old);
    }
    await runtime.wipe(old.app, old.project);
    const left = docker("volume", "ls", "-q").split("\n");
    assert.deepEqual(
      Object.values(before).filter((volume) => left.includes(volume)),
      [],
    );
  }
});

test.real("docker", "are shared by two copies of which one takes over from the other", async () => {
  const { app, service, up, runtime, name } = testDevice();
  const image = imageWithVolumes();
  const web = service("web", { image, mounts: [mount], fleet: { update: "hand-over" } });
  const old = app("handed", [{ ...web, stopGraceMs: 0 }]);
  const first = madeBefore(old, image, name);
  write(first, "/declared/mine", "shared");
  const mounts = mountsOf(first);
  await up(next(old, "f"));
  const second = `${"f".repeat(12)}_${first}`;
  assert.deepEqual(mountsOf(second), mounts);
  write(second, "/declared/mine", "newer");
  const [gone] = (await runtime.observe()).filter(
    (copy) => copy.app === old.app && copy.configHash === "0",
  );
  assert.ok(gone);
  await runtime.remove(gone);
  assert.equal(read(second, "/declared/mine"), "newer");
  await removed(old);
  await runtime.wipe(old.app, old.project);
});

test.real("docker", "leave paths to what is mounted there, and to volumes_from", async () => {
  const { app, service, up, directory } = testDevice();
  const image = imageWithVolumes();
  writeFileSync(join(directory, "bound"), "");
  const bind = { type: "bind", source: directory, readOnly: true, createHostPath: false } as const;
  const web = service("web", {
    image,
    mounts: [
      { ...bind, target: "/over" },
      { type: "tmpfs", target: "/memory", options: "noexec" },
    ],
  });
  const reader = service("reader", { image, volumesFrom: ["web"] });
  const mixed = app("mixed", [web, reader]);
  await up(mixed);
  const [own, borrowed] = [`${mixed.project}-web-1`, `${mixed.project}-reader-1`];
  assert.match(inside(own, "cat", "/proc/mounts"), /tmpfs \/memory tmpfs/);
  assert.match(inside(own, "ls", "/over"), /bound/);
  write(own, "/image/deep/mine", "seen by both");
  assert.equal(read(borrowed, "/image/deep/mine"), "seen by both");
  assert.match(inside(borrowed, "ls", "/over"), /bound/);
});

test.real("docker", "whose directory has vanished are made anew", async () => {
  const { app, service, up } = testDevice();
  const web = app("vanished", [service("web", { mounts: [mount], stopGraceMs: 0 })]);
  await up(web);
  const container = `${web.project}-web-1`;
  const volume = mountsOf(container)["/declared"] ?? "";
  const path = docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume);
  assert.match(path, /\/volumes\/fleet-test-[^/]+\/_data$/);
  await removed(web);
  rmSync(dirname(path), { recursive: true });
  await up(web);
  write(container, "/declared/mine", "again");
});
