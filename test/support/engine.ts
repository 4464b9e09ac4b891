// Helpers for tests with a real Engine: an image of its own for each test file, and a real registry.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const dockerSocket = "/var/run/docker.sock";

/** A name that no other test uses, by its start and its random end. */
export function uniqueName(subject: string): string {
  return `fleet-test-${subject}-${randomBytes(4).toString("hex")}`;
}

/** Runs docker's client. @returns its standard output, trimmed */
export function docker(...args: string[]): string {
  return run("docker", args);
}

export function run(command: string, args: string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8", timeout: 180_000 });
  if (done.status === 0) return done.stdout.trim();
  throw new Error(`${command} ${args.join(" ")}: ${done.stderr || String(done.error)}`);
}

export function scratchDirectory(): string {
  return mkdtempSync(join(tmpdir(), "fleet-docker-test-"));
}

const applets =
  "sh sleep wget nc cat httpd echo id ls true false env touch mkdir stat hostname test nslookup".split(
    " ",
  );

/** Imports an image that holds only busybox: no public registry is needed.
 *  @param name with a tag
 *  @param marker a file of that content, so that two images differ */
export function importBusybox(name: string, marker = ""): void {
  const scratch = scratchDirectory();
  const root = join(scratch, "root");
  const archive = join(scratch, "root.tar");
  try {
    fillRoot(root, marker);
    run("tar", ["-cf", archive, "-C", root, "."]);
    docker("import", archive, name);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function fillRoot(root: string, marker: string): void {
  for (const directory of ["bin", "tmp", "etc", "www"]) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  const busybox = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error("no busybox on this machine");
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const applet of applets) symlinkSync("busybox", join(root, "bin", applet));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\nrobot:x:1000:1000::/:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nrobot:x:1000:\n");
  writeFileSync(join(root, "etc/marker"), marker);
}

export function removeImage(name: string): void {
  spawnSync("docker", ["rmi", "--force", name], { stdio: "ignore", timeout: 180_000 });
}

/** Removes containers, networks and volumes that carry the label, and nothing else. */
export function removeLabelled(label: string): void {
  const kinds = [
    { list: ["ps", "-aq"], remove: ["rm", "-fv"] },
    { list: ["network", "ls", "-q"], remove: ["network", "rm"] },
    { list: ["volume", "ls", "-q"], remove: ["volume", "rm", "-f"] },
  ];
  for (const { list, remove } of kinds) {
    const ids = docker(...list, "--filter", `label=${label}`)
      .split("\n")
      .filter((id) => id !== "");
    if (ids.length > 0) docker(...remove, ...ids);
  }
}

export interface TestRegistry {
  /** `127.0.0.1:<port>`: an Engine takes plain HTTP from the loopback net. */
  host: string;
  stop(): Promise<void>;
}

/** `fleet` with the password `secret`, as htpasswd writes it with bcrypt. */
const htpasswd = "fleet:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/** Starts a registry on a free port. @param options.login wants user `fleet`, password `secret` */
export async function startRegistry(options: { login?: boolean } = {}): Promise<TestRegistry> {
  const directory = scratchDirectory();
  writeFileSync(join(directory, "htpasswd"), htpasswd);
  writeFileSync(join(directory, "config.yml"), registryConfig(directory, options.login === true));
  const child = spawn("docker-registry", ["serve", join(directory, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    return { host: await listening(child.stderr), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function registryConfig(directory: string, login: boolean): string {
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(directory, "data") }, delete: { enabled: true } },
    http: { addr: "127.0.0.1:0", secret: "test" },
    ...(login ? { auth: { htpasswd: { realm: "fleet", path: join(directory, "htpasswd") } } } : {}),
  };
  return JSON.stringify(config);
}

/** The address that the registry logs once it listens on the port that the kernel gave it. */
async function listening(log: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  const address = new Promise<string>((resolve, reject) => {
    log.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = /listening on (127\.0\.0\.1:\d+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    log.on("end", () => reject(new Error(`the registry ended: ${text}`)));
  });
  return address;
}

/** Pushes an image that is here under another name, and takes that name away again. */
export function pushAs(image: string, target: string, login?: { host: string }): void {
  const config = scratchDirectory();
  try {
    if (login !== undefined) {
      const auth = Buffer.from("fleet:secret").toString("base64");
      writeFileSync(
        join(config, "config.json"),
        JSON.stringify({ auths: { [login.host]: { auth } } }),
      );
    }
    docker("tag", image, target);
    docker("--config", config, "push", "--quiet", target);
    docker("rmi", target);
  } finally {
    rmSync(config, { recursive: true, force: true });
  }
}
