// Ends a Docker Engine of the harness with all that it left on the machine; run once the harness is gone, too.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readChildren } from "#edge/runtime/process/proc.ts";

const [directory = ""] = process.argv.slice(2);
if (!directory.startsWith("/")) throw new TypeError("usage: engine_end.ts DIRECTORY");

const limitMs = 15_000;

continueDaemon();
removeWithDocker(["ps", "-aq"], ["rm", "--force", "--volumes"]);
removeWithDocker(["network", "ls", "--quiet", "--filter", "type=custom"], ["network", "rm"]);
end(daemon(), "SIGTERM");
await gone(daemon);
end(daemon(), "SIGKILL");
// Containers without their Engine, if it did not answer any more.
for (const pid of below()) {
  for (const child of readChildren(pid) ?? []) end(child, "SIGKILL");
  end(pid, "SIGKILL");
}
unmount();

function daemon(): number | undefined {
  try {
    const pid = Number(readFileSync(join(directory, "docker.pid"), "utf8"));
    return commandOf(pid).includes(directory) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function continueDaemon(): void {
  end(daemon(), "SIGCONT");
}

function removeWithDocker(list: string[], remove: string[]): void {
  const ids = docker(list)
    .split(/\s+/)
    .filter((id) => id !== "");
  if (ids.length > 0) docker([...remove, ...ids]);
}

function docker(args: string[]): string {
  const host = `unix://${join(directory, "docker.sock")}`;
  const done = spawnSync("docker", ["--host", host, ...args], {
    encoding: "utf8",
    timeout: limitMs,
  });
  return done.stdout ?? "";
}

function end(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

async function gone(find: () => number | undefined): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (find() !== undefined && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Shims and proxies name a socket below the directory, which no other program has. */
function below(): number[] {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids.filter((pid) => pid !== process.pid && commandOf(pid).includes(`${directory}/run/`));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function unmount(): void {
  const lines = readFileSync("/proc/mounts", "utf8").split("\n");
  const points = lines.map((line) => line.split(" ")[1] ?? "");
  for (const point of points.filter((path) => path.startsWith(`${directory}/`)).toReversed()) {
    spawnSync("umount", ["--lazy", point], { timeout: limitMs });
  }
}
