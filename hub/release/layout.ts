// Sorts a commit's tree into the files of the fleet repository, and refuses what no release may hold; pure.
import type { TreeEntry } from "#hub/git/objects.ts";
import { FleetError } from "#shared/errors.ts";
import { DeviceId, LabelValue, RoleName } from "#shared/ids.ts";
import { PlanName } from "#shared/plan.ts";

/** All that is read of a commit; the rest of the repository is its owner's. */
export const fleetPaths: readonly string[] = ["fleet.yaml", "sites", "devices", "plans", "roles"];

export interface Layout {
  fleet: TreeEntry;
  sites: Map<string, TreeEntry>;
  devices: Map<DeviceId, TreeEntry>;
  plans: Map<PlanName, TreeEntry>;
  roles: Map<string, RoleTree>;
}

export interface RoleTree {
  role: string;
  /** Git's id of the directory: equal content, equal id. */
  treeId: string;
  files: RoleEntry[];
}

/** A file of a role, with its path inside the role. */
export interface RoleEntry extends TreeEntry {
  name: string;
}

export interface SizeLimits {
  /** Bytes of a file that is parsed: fleet.yaml, a site, a device, role.yaml, compose.yaml. */
  configBytes: number;
  /** Bytes of any one file of a role. */
  fileBytes: number;
  /** Bytes of all files of a role. */
  roleBytes: number;
}

export const defaultLimits: SizeLimits = {
  configBytes: 1024 ** 2,
  fileBytes: 32 * 1024 ** 2,
  roleBytes: 64 * 1024 ** 2,
};

/** @throws FleetError repository_invalid naming the path */
export function layOut(entries: readonly TreeEntry[], limits: SizeLimits): Layout {
  for (const entry of entries) refuseOddEntry(entry);
  const fleet = entries.find(({ path }) => path === "fleet.yaml");
  if (fleet === undefined || fleet.kind === "directory") {
    throw refused("fleet.yaml", "is missing", "Add a fleet.yaml at the root of the repository.");
  }
  const sites = namedFiles(entries, "sites", (name) => LabelValue.parse(name));
  const devices = namedFiles(entries, "devices", (name) => DeviceId.parse(name));
  const plans = namedFiles(entries, "plans", (name) => PlanName.parse(name));
  for (const entry of [fleet, ...sites.values(), ...devices.values(), ...plans.values()]) {
    refuseLarge(entry, limits.configBytes);
  }
  return { fleet, sites, devices, plans, roles: rolesOf(entries, limits) };
}

function refuseOddEntry({ path, kind }: TreeEntry): void {
  const hint = "Put the file itself in its place.";
  if (kind === "symlink")
    throw refused(path, "is a symbolic link; only plain files are read", hint);
  if (kind === "submodule") throw refused(path, "is a submodule; only plain files are read", hint);
  const parts = path.split("/");
  // U+FFFD stands where the name was not UTF-8.
  const isOdd = /[\p{Cc}\ufffd\\]/u.test(path);
  if (isOdd || parts.some((part) => ["", ".", "..", ".git"].includes(part.toLowerCase()))) {
    throw refused(path, "has a name that cannot be unpacked everywhere", "Rename the file.");
  }
}

/** Files `<folder>/<name>.yaml` by name. Anything that is no YAML may lie beside them. */
function namedFiles<K extends string>(
  entries: readonly TreeEntry[],
  folder: string,
  parse: (name: string) => K,
): Map<K, TreeEntry> {
  const files = entries.filter(
    ({ path, kind }) =>
      kind !== "directory" && path.startsWith(`${folder}/`) && /\.ya?ml$/.test(path),
  );
  return new Map(
    files.map((entry) => {
      const [, name] = /^[^/]+\/([^/]+)\.yaml$/.exec(entry.path) ?? [];
      if (name === undefined) {
        throw refused(entry.path, "is not read there", `Name it ${folder}/<name>.yaml.`);
      }
      return [checkedName(entry.path, name, parse), entry];
    }),
  );
}

function checkedName<T>(path: string, name: string, parse: (name: string) => T): T {
  try {
    return parse(name);
  } catch (cause) {
    throw refused(path, `"${name}" is not a name that is allowed here`, "Rename it.", cause);
  }
}

function rolesOf(entries: readonly TreeEntry[], limits: SizeLimits): Map<string, RoleTree> {
  const roles = new Map<string, RoleTree>();
  for (const { path, kind, id } of entries) {
    const [, name] = /^roles\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined || kind !== "directory") continue;
    const role = checkedName(path, name, (text) => RoleName.parse(text));
    roles.set(role, { role, treeId: id, files: [] });
  }
  for (const entry of entries) {
    const [, role, name] = /^roles\/([^/]+)\/(.+)$/.exec(entry.path) ?? [];
    if (role === undefined || name === undefined || entry.kind === "directory") continue;
    roles.get(role)?.files.push({ ...entry, name });
  }
  for (const role of roles.values()) refuseLargeRole(role, limits);
  return roles;
}

function refuseLargeRole({ role, files }: RoleTree, limits: SizeLimits): void {
  for (const file of files) {
    const isParsed = file.name === "compose.yaml" || file.name === "role.yaml";
    refuseLarge(file, isParsed ? limits.configBytes : limits.fileBytes);
  }
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total <= limits.roleBytes) return;
  const message = `has ${total} bytes in all; at most ${limits.roleBytes} are allowed`;
  throw refused(`roles/${role}`, message, largeHint);
}

const largeHint = "Put large content into an image.";

function refuseLarge({ path, size }: TreeEntry, limit: number): void {
  if (size <= limit) return;
  throw refused(path, `has ${size} bytes; at most ${limit} are allowed`, largeHint);
}

function refused(file: string, message: string, hint: string, cause?: unknown): FleetError {
  return new FleetError("repository_invalid", {
    message,
    where: { file },
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
