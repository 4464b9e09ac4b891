// Small file systems of their own, to fill or to make read-only: mode bits do not stop root.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Mounted {
  directory: string;
  readOnly(): void;
}

/** Runs the body with a tmpfs of its own, which is gone afterwards. */
export async function withMount(
  kilobytes: number,
  body: (mounted: Mounted) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-mount-"));
  run("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", directory]);
  try {
    await body({ directory, readOnly: () => run("mount", ["-o", "remount,ro", directory]) });
  } finally {
    run("umount", ["--lazy", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}

function run(command: string, args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { timeout: 60_000, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
