// Packs an image that holds only busybox, so that no public registry is needed.
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** @param file is made: a tar archive of the root file system
 *  @param extra further files of it, by name */
export async function packBusybox(
  file: string,
  extra: Readonly<Record<string, Uint8Array>> = {},
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "fleet-image-"));
  try {
    for (const name of ["bin", "tmp", "etc", "srv"]) await mkdir(join(root, name));
    const { stdout } = await run("sh", ["-c", "command -v busybox"]);
    await copyFile(stdout.trim(), join(root, "bin", "busybox"));
    await chmod(join(root, "bin", "busybox"), 0o755);
    const applets = (await run("busybox", ["--list"])).stdout.trim().split("\n");
    for (const applet of applets.filter((name) => name !== "busybox")) {
      await symlink("busybox", join(root, "bin", applet));
    }
    await writeFile(join(root, "etc", "passwd"), "root:x:0:0::/:/bin/sh\n");
    for (const [name, bytes] of Object.entries(extra)) await writeFile(join(root, name), bytes);
    await run("tar", ["-cf", file, "-C", root, "."]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
