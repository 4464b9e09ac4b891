// Which real parts this machine has: an Engine, a registry, broker clients, a browser.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const probes = {
  docker: () => answers("docker", ["version", "--format", "{{.Server.Version}}"]),
  registry: () => installed("docker-registry"),
  mosquitto: () => installed("mosquitto_sub"),
  chromium: () => existsSync("/usr/bin/chromium"),
  promtool: () => installed("promtool"),
  "docker-compose": () => installed("docker-compose"),
  "systemd-notify": () => installed("systemd-notify") && installed("python3"),
  "systemd-analyze": () => installed("systemd-analyze"),
  // util-linux's, which gives a command a terminal.
  script: () => answers("script", ["-qec", "true", "/dev/null"]),
  mount: () => answers("unshare", ["--mount", "true"]),
} as const satisfies Record<string, () => boolean>;

export type RealPart = keyof typeof probes;

const known = new Map<RealPart, boolean>();

function answers(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 60_000 }).status === 0;
}

function installed(command: string): boolean {
  return answers("sh", ["-c", `command -v ${command}`]);
}

/** Why tests of this part are left out, or undefined when they can run. With `FLEET_REQUIRE_REAL=1`
 *  nothing is left out: the test runs and fails. */
export function missingPart(part: RealPart): string | undefined {
  if (process.env["FLEET_REQUIRE_REAL"] === "1") return undefined;
  const there = known.get(part) ?? probes[part]();
  known.set(part, there);
  return there ? undefined : `no ${part} on this machine`;
}
