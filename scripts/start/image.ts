// Finds the image that the sample's containers run: here, from a registry, or made of the host's busybox.
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createEngine, type Engine } from "#edge/runtime/docker/engine.ts";
import { pullImage } from "#edge/runtime/docker/pull.ts";
import { systemClock } from "#shared/clock.ts";

const run = promisify(execFile);
export const publicImage = "busybox:1.36";
const localImage = "metrica-fleet-sample:1";
const busyboxPaths = ["/bin/busybox", "/usr/bin/busybox"];
/** A newcomer without a way to a registry waits this long before the next best is taken. */
const pullLimitMs = 12_000;

/** The name of an image that the Engine has now; undefined when it can have none. */
export async function findSampleImage(
  socketPath: string,
  say: (line: string) => void,
): Promise<string | undefined> {
  const engine = createEngine({ socketPath });
  for (const image of [publicImage, localImage]) {
    if ((await engine.inspectImage(image)) !== undefined) return image;
  }
  say(`Pulling ${publicImage} for the sample (at most ${pullLimitMs / 1000} s) …`);
  if (await isPulled(engine)) return publicImage;
  return (await importBusybox(socketPath)) ? localImage : undefined;
}

/** What a pull does after its end, such as asking the registry why it refused, may last longer than the
 *  limit: it is left alone then. */
async function isPulled(engine: Engine): Promise<boolean> {
  const signal = AbortSignal.timeout(pullLimitMs);
  const parts = { engine, registries: {}, idleMs: pullLimitMs };
  const late = systemClock.sleep(pullLimitMs).then(() => false);
  const pulled = pullImage(parts, publicImage, { policy: "missing", signal }).then(
    () => true,
    () => false,
  );
  return Promise.race([pulled, late]);
}

/** Machines without a registry often have a static busybox, and that is all the sample needs. */
async function importBusybox(socketPath: string): Promise<boolean> {
  const busybox = await staticBusybox();
  if (busybox === undefined) return false;
  const root = await mkdtemp(join(tmpdir(), "fleet-sample-"));
  try {
    await mkdir(join(root, "bin"));
    await cp(busybox, join(root, "bin/busybox"), { dereference: true });
    await run(join(root, "bin/busybox"), ["--install", "-s", join(root, "bin")]);
    await relink(root);
    return await importTree(root, socketPath);
  } catch {
    return false;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function staticBusybox(): Promise<string | undefined> {
  for (const path of busyboxPaths) {
    if ((await stat(path).catch(() => undefined)) === undefined) continue;
    // A dynamic one names its interpreter, and would not run in an empty root.
    const head = await run("head", ["-c", "4096", path], { encoding: "latin1" });
    if (!head.stdout.includes("/ld-")) return path;
  }
  return undefined;
}

/** Busybox installs links to where it lies now; in the image it lies in /bin. */
async function relink(root: string): Promise<void> {
  const bin = join(root, "bin");
  const script =
    'cd "$1" && for link in *; do [ -L "$link" ] && ln -sf busybox "$link"; done; true';
  await run("sh", ["-c", script, "sh", bin]);
}

async function importTree(root: string, socketPath: string): Promise<boolean> {
  const pack = spawn("tar", ["-C", root, "-c", "."], { stdio: ["ignore", "pipe", "ignore"] });
  const load = spawn("docker", ["-H", `unix://${socketPath}`, "import", "-", localImage], {
    stdio: [pack.stdout, "ignore", "ignore"],
  });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  load.once("error", () => resolve(false));
  load.once("exit", (code) => resolve(code === 0));
  return promise;
}
