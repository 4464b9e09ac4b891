// A role at a commit: its files read, its role.yaml parsed, what it names checked to be there.
import type { AppPolicy, Rhythm } from "#shared/desired.ts";
import { FleetError, type Where } from "#shared/errors.ts";
import { RoleFile } from "#shared/role.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import type { Path } from "#shared/yaml/nodes.ts";
import type { YamlFile } from "#shared/yaml/read.ts";
import { type Bundle, bundle } from "./bundle.ts";
import type { RoleTree } from "./layout.ts";
import type { RoleRelease } from "./model.ts";

/** A role as the checks need it. */
export interface RoleContent {
  release: RoleRelease;
  file: RoleFile;
  /** Where a key of role.yaml stands. */
  readonly locate: (path: Path) => Where;
  composeFile: string;
  composeText: string;
  /** The smaller text files by path inside the role, for `env_file`. */
  texts: ReadonlyMap<string, string>;
  /** Every file with its kind and Git's id of its content. */
  files: readonly { name: string; kind: string; id: string }[];
}

/** An env_file has a few lines; what is larger than this is none. */
const textBytes = 256 * 1024;

/** @param bytes of every file of the tree by object id
 *  @throws FleetError role_invalid with file, line and key */
export function readRole(
  { role, files }: RoleTree,
  bytes: ReadonlyMap<string, Buffer>,
): { content: RoleContent; bundle: Bundle } {
  const read = files.map(({ name, kind, id }) => ({
    path: name,
    executable: kind === "executable",
    bytes: bytes.get(id) ?? missing(role, name),
  }));
  const texts = new Map(read.flatMap((file) => textOf(file)));
  const yaml = roleFileOf(role, texts);
  const composeText = texts.get("compose.yaml") ?? read.find(isCompose)?.bytes.toString();
  if (composeText === undefined) throw withoutCompose(role, files);
  refuseMissingScripts(yaml, new Set(read.map(({ path }) => path)));
  const made = bundle(read);
  const { digest } = made;
  const { values } = yaml.value;
  const release: RoleRelease = {
    role,
    digest,
    size: made.bytes.length,
    values,
    policy: policyOf(yaml.value),
    rules: rulesOf(yaml.value),
    ...rhythmOf(yaml.value),
  };
  const composeFile = `roles/${role}/compose.yaml`;
  const content = {
    release,
    file: yaml.value,
    locate: yaml.locate,
    composeFile,
    composeText,
    texts,
    files: files.map(({ name, kind, id }) => ({ name, kind, id })),
  };
  return { content, bundle: made };
}

const isCompose = ({ path }: { path: string }): boolean => path === "compose.yaml";

function missing(role: string, name: string): never {
  throw new FleetError("store_unavailable", { message: `roles/${role}/${name} was not read` });
}

function textOf({ path, bytes }: { path: string; bytes: Buffer }): [string, string][] {
  const isText = bytes.length <= textBytes && !bytes.includes(0);
  return isText ? [[path, bytes.toString()]] : [];
}

function roleFileOf(role: string, texts: ReadonlyMap<string, string>): YamlFile<RoleFile> {
  const file = `roles/${role}/role.yaml`;
  const text = texts.get("role.yaml") ?? emptyRole;
  const yaml = checkYaml(RoleFile, { file, text, code: "role_invalid" });
  const { name } = yaml.value;
  if (name === undefined || name === role) return yaml;
  throw new FleetError("role_invalid", {
    message: `is "${name}", but the directory is roles/${role}`,
    where: yaml.locate(["name"]),
    hint: "Leave the name out, or rename the directory.",
  });
}

const emptyRole = "apiVersion: metrica.fleet/v1\nkind: Role\n";

function withoutCompose(role: string, files: RoleTree["files"]): FleetError {
  const similar = files.find(({ name }) => /^(docker-)?compose\.ya?ml$/.test(name));
  return new FleetError("role_invalid", {
    message: `the role "${role}" has no compose.yaml`,
    where: { file: `roles/${role}/compose.yaml` },
    hint: similar === undefined ? "Add it." : `Rename ${similar.path} to compose.yaml.`,
  });
}

function refuseMissingScripts(yaml: YamlFile<RoleFile>, paths: ReadonlySet<string>): void {
  const { hooks, health } = yaml.value;
  const named: { path: Path; script: string | undefined }[] = [
    { path: ["hooks", "validate"], script: hooks.validate },
    { path: ["hooks", "preUpdate"], script: hooks.preUpdate },
    ...health.probes.map((probe, index) => ({
      path: ["health", "probes", index, "script"],
      script: "script" in probe ? probe.script : undefined,
    })),
  ];
  for (const { path, script } of named) {
    if (script === undefined || paths.has(script.replace(/^\.\//, ""))) continue;
    throw new FleetError("role_invalid", {
      message: `names "${script}", which is not a file of the role`,
      where: yaml.locate(path),
      hint: "Give a path relative to the role's directory, and commit the file.",
    });
  }
}

function policyOf({ health }: RoleFile): AppPolicy {
  return {
    gracePeriodMs: Math.max(1000, Math.round(health.gracePeriodSeconds * 1000)),
    stableMs: Math.round(health.stableSeconds * 1000),
  };
}

function rulesOf({ update }: RoleFile): RoleRelease["rules"] {
  const { windows, maxHoldSeconds } = update;
  const maxHoldMs = Math.round(maxHoldSeconds * 1000);
  return { maxHoldMs, ...(windows === undefined ? {} : { windows }) };
}

function rhythmOf({ rhythm }: RoleFile): { rhythm?: Rhythm } {
  if (rhythm === undefined) return {};
  const { intervalSeconds, connection } = rhythm;
  return { rhythm: { intervalMs: Math.round(intervalSeconds * 1000), connection } };
}
