// The whole application in its normal form: enabled services and what they use.
import type { ComposeProject, ComposeService, FileObject } from "#shared/compose/model.ts";
import type { Population } from "./dependencies.ts";
import {
  at,
  entries,
  type Field,
  fail,
  isList,
  isMap,
  items,
  sorted,
  text,
  texts,
} from "./field.ts";
import { normaliseFileObjects } from "./files.ts";
import { defaultNetwork, normaliseNetworks, normaliseVolumes } from "./networks.ts";
import { warnOfReboot } from "./reboot.ts";
import { normaliseService } from "./service.ts";

/** @param root valid by the schema */
export function normaliseProject(root: Field): ComposeProject {
  const fields = entries(at(root, "services"));
  if (fields.length === 0) fail(at(root, "services"), "the file defines no service");
  const enabled = fields.filter(([, field]) => isEnabled(field));
  const population = populationOf(fields, enabled);
  const services = sorted(
    enabled.map(([name, field]) => [name, normaliseService(name, field, population)]),
  );
  for (const [name, field] of enabled) warnOfReboot(field, name, services);
  const declared = {
    networks: { default: defaultNetwork, ...normaliseNetworks(at(root, "networks")) },
    volumes: normaliseVolumes(at(root, "volumes")),
    configs: normaliseFileObjects(at(root, "configs")),
    secrets: normaliseFileObjects(at(root, "secrets")),
  };
  for (const [, field] of enabled) checkReferences(field, declared);
  return { services, ...usedOf(declared, Object.values(services)) };
}

/** @see Compose specification, "profiles" */
function isEnabled(service: Field): boolean {
  const profiles = texts(at(service, "profiles"));
  const active = (service.context.values["COMPOSE_PROFILES"] ?? "")
    .split(",")
    .map((name) => name.trim());
  return profiles.length === 0 || active.some((name) => name === "*" || profiles.includes(name));
}

type Entries = [string, Field][];

function populationOf(fields: Entries, enabled: Entries): Population {
  const running = new Set(enabled.map(([name]) => name));
  const disabled = fields.map(([name]) => name).filter((name) => !running.has(name));
  return { enabled: running, disabled: new Set(disabled) };
}

type Declared = Omit<ComposeProject, "services">;

function checkReferences(service: Field, declared: Declared): void {
  const check = (kind: keyof Declared, place: Field, name: string | undefined): void => {
    if (name === undefined || Object.hasOwn(declared[kind], name)) return;
    fail(place, `the ${kind.slice(0, -1)} ${name} is not defined`, { hint: hintFor(kind, name) });
  };
  const networks = at(service, "networks");
  const attached = isList(networks)
    ? items(networks).map((item) => [text(item), item] as const)
    : entries(networks);
  for (const [name, place] of attached) check("networks", place, name);
  for (const mount of items(at(service, "volumes"))) check("volumes", mount, volumeName(mount));
  for (const kind of ["configs", "secrets"] as const) {
    for (const item of items(at(service, kind)))
      check(kind, item, text(isMap(item) ? at(item, "source") : item));
  }
}

function volumeName(mount: Field): string | undefined {
  if (isMap(mount))
    return at(mount, "type").value === "volume" ? text(at(mount, "source")) : undefined;
  const [source, target] = (text(mount) ?? "").split(":");
  return target === undefined || source === undefined || /^([./~]|$)/.test(source)
    ? undefined
    : source;
}

function hintFor(kind: keyof Declared, name: string): string {
  if (kind === "volumes" && name.includes("/"))
    return `Write ./${name} for a directory of the release.`;
  return `Define it under the top-level key ${kind}.`;
}

/** Nothing is made on the device that no enabled service uses. */
function usedOf(declared: Declared, services: ComposeService[]): Declared {
  return {
    networks: pick(
      declared.networks,
      services.flatMap(({ networks }) => Object.keys(networks)),
    ),
    volumes: pick(
      declared.volumes,
      services.flatMap(({ mounts }) =>
        mounts.map((mount) => (mount.type === "volume" ? (mount.source ?? "") : "")),
      ),
    ),
    configs: pick(
      declared.configs,
      services.flatMap(({ configs }) => configs.map(({ source }) => source)),
    ),
    secrets: pick<FileObject>(
      declared.secrets,
      services.flatMap(({ secrets }) => secrets.map(({ source }) => source)),
    ),
  };
}

function pick<T>(all: Record<string, T>, names: string[]): Record<string, T> {
  const used = new Set(names);
  return sorted(Object.entries(all).filter(([name]) => used.has(name)));
}
