// The fleet repository of a world: real Git, one role for each device, so that each is updated by itself.
import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { DeviceId } from "#shared/ids.ts";
import { createQueue } from "#shared/serial.ts";
import { type RoleOptions, roleFiles } from "./role.ts";

const run = promisify(execFile);

/** Whatever the machine has of Git's configuration. */
const identity = { name: "Metrica Fleet", email: "fleet@localhost" };
const environment = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: identity.name,
  GIT_AUTHOR_EMAIL: identity.email,
  GIT_COMMITTER_NAME: identity.name,
  GIT_COMMITTER_EMAIL: identity.email,
};

export interface Unit {
  device: DeviceId;
  /** Names of values and what they are on this device, e.g. its ports. */
  values: Readonly<Record<string, string | number>>;
  role?: RoleOptions;
}

export interface FleetRepository {
  readonly directory: string;
  create(image: string): Promise<void>;
  /** A device with a role and a deployment of its own. */
  add(unit: Unit): Promise<string>;
  /** Writes files and commits them. @returns the commit */
  commit(files: Readonly<Record<string, string>>, subject: string): Promise<string>;
  /** A file as it stands in a commit. */
  show(commit: string, path: string): Promise<string>;
  /** Git itself, one call at a time. */
  git(...args: string[]): Promise<string>;
}

export function createFleetRepository({ directory }: { directory: string }): FleetRepository {
  const queue = createQueue();
  const git = async (...args: string[]): Promise<string> => {
    const options = { env: environment, maxBuffer: 64 * 1024 * 1024 };
    return (await run("git", ["-C", directory, ...args], options)).stdout;
  };
  const save = async (files: Readonly<Record<string, string>>, subject: string) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), text);
      if (name.endsWith(".sh")) await chmod(join(directory, name), 0o755);
    }
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "-m", subject);
    return (await git("rev-parse", "HEAD")).trim();
  };
  const units: DeviceId[] = [];
  /** What a commit holds never changes. */
  const shown = new Map<string, string>();
  let fleetImage = "";
  const addUnit = async ({ device, values, role }: Unit): Promise<string> => {
    units.push(device);
    const files = Object.entries(roleFiles(role)).map(([name, text]) => [
      `roles/${device}/${name}`,
      text,
    ]);
    return await save(
      {
        ...Object.fromEntries(files),
        "fleet.yaml": fleetFile(fleetImage, units),
        [`devices/${device}.yaml`]: deviceYaml(device, values),
      },
      `Add ${device}`,
    );
  };
  return {
    directory,
    create: async (image) => {
      fleetImage = image;
      await mkdir(directory, { recursive: true });
      await git("init", "--quiet", "--initial-branch=main");
      await queue(() => save({ "fleet.yaml": fleetFile(image, []) }, "A fleet without devices"));
    },
    add: (unit) => queue(() => addUnit(unit)),
    commit: (files, subject) => queue(() => save(files, subject)),
    show: async (commit, path) => {
      const name = `${commit}:${path}`;
      const text = shown.get(name) ?? (await git("show", name));
      shown.set(name, text);
      return text;
    },
    git: (...args) => queue(() => git(...args)),
  };
}

/** Each deployment, and so each app, is named after its device. */
function fleetFile(image: string, units: readonly DeviceId[]): string {
  const deployments = units.map((unit) => ({ name: unit, role: unit, selector: `unit=${unit}` }));
  return `apiVersion: metrica.fleet/v1
kind: Fleet
values:
  IMAGE: ${image}
deployments: ${JSON.stringify(deployments)}
`;
}

/** `devices/<id>.yaml` of a device. */
export function deviceYaml(device: string, values: Unit["values"]): string {
  const lines = Object.entries(values).map(([name, value]) => `  ${name}: ${value}\n`);
  return `apiVersion: metrica.fleet/v1
kind: Device
labels:
  unit: ${device}
values:
${lines.join("")}`;
}
