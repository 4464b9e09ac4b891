// What a fault may need of the machine, and why it cannot be had here.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dockerAnswers } from "#edge/runtime/docker/engine.ts";
import { fakeTimeLibrary } from "./faketime.ts";

const socketPath = process.env["DOCKER_SOCKET"] ?? "/var/run/docker.sock";

const probes = {
  root: () => process.getuid?.() === 0,
  "loop devices": () => existsSync("/dev/loop-control") && installed("mkfs.ext4"),
  docker: () => dockerAnswers(socketPath),
  dockerd: () => installed("dockerd") && installed("docker") && installed("busybox"),
  "docker-registry": () => installed("docker-registry"),
  strace: () => installed("strace"),
  libfaketime: () => fakeTimeLibrary() !== undefined,
} as const satisfies Record<string, () => boolean | Promise<boolean>>;

export type Need = keyof typeof probes;

function installed(command: string): boolean {
  const found = spawnSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
  return found.status === 0;
}

/** Undefined when everything is there. */
export async function missingNeed(needs: readonly Need[]): Promise<string | undefined> {
  for (const need of needs) {
    if (!(await probes[need]())) return `needs ${need}, which is not there`;
  }
  return undefined;
}
