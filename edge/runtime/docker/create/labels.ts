// The labels that containers, networks and volumes carry: those of docker compose v2 and our own.
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import { canonicalHash } from "#shared/canonical.ts";
import { type ComposeService, forwardedPorts, isHandedOver } from "#shared/compose/model.ts";
import { containerName } from "./names.ts";

export const label = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  number: "com.docker.compose.container-number",
  oneOff: "com.docker.compose.oneoff",
  configHash: "com.docker.compose.config-hash",
  workingDir: "com.docker.compose.project.working_dir",
  configFiles: "com.docker.compose.project.config_files",
  version: "com.docker.compose.version",
  image: "com.docker.compose.image",
  dependsOn: "com.docker.compose.depends_on",
  network: "com.docker.compose.network",
  volume: "com.docker.compose.volume",
  device: "metrica.fleet.device",
  app: "metrica.fleet.app",
  revision: "metrica.fleet.revision",
  release: "metrica.fleet.release",
  /** Lifecycle hooks as JSON: a copy outlives the release file that says them. */
  hooks: "metrica.fleet.hooks",
  /** The container's own name, whatever it is called now. */
  name: "metrica.fleet.name",
  /** Networks that it is to be attached to, separated by commas. */
  networks: "metrica.fleet.networks",
  /** Container ports that the device forwards to it, separated by commas; on copies that are handed over. */
  forwards: "metrica.fleet.forwards",
  /** Limits and restart policy as the copy was made with them, as JSON: others can change them under it. */
  limits: "metrica.fleet.limits",
  /** On a volume of one copy: where it is mounted there. */
  path: "metrica.fleet.volume-path",
  /** On a volume that only stands for another one: the name of that. */
  holds: "metrica.fleet.volume-holds",
  /** Hash of a network's or volume's definition. */
  definition: "metrica.fleet.definition-hash",
} as const;

/** The release of docker compose whose labels these are. */
const composeVersion = "2.24.0";

export type Hooks = Pick<ComposeService, "postStart" | "preStop">;

export function containerLabels(
  app: ResolvedApp,
  ref: InstanceRef,
  owner: { device: string; imageId: string; networks: readonly string[] },
): Record<string, string> {
  const service = app.services[ref.service];
  if (service === undefined) return {};
  return {
    ...service.spec.labels,
    ...projectLabels(app),
    [label.service]: ref.service,
    [label.number]: String(ref.index),
    [label.oneOff]: "False",
    [label.configHash]: service.configHash,
    [label.workingDir]: app.directory,
    [label.configFiles]: `${app.directory}/compose.yaml`,
    [label.image]: owner.imageId,
    [label.dependsOn]: dependsOnLabel(service.spec),
    [label.device]: owner.device,
    [label.app]: app.app,
    [label.revision]: app.revision,
    [label.release]: app.release,
    ...hooksLabel(service.spec),
    [label.name]: containerName(app, ref.service, ref.index),
    ...networksLabel(owner.networks),
    ...forwardsLabel(service.spec),
  };
}

/** The directory of the copy's own files: two copies at one place have one each. */
export function filesName(labels: Record<string, string | undefined>, actualName: string): string {
  const name = labels[label.name] ?? actualName;
  if (labels[label.forwards] === undefined) return name;
  return `${name}.${(labels[label.configHash] ?? "").slice(0, 12)}`;
}

/** @param kind which compose label names it
 *  @param definition what the Compose file says of it */
export function storeLabels(
  app: ResolvedApp,
  device: string,
  kind: "network" | "volume",
  key: string,
  definition: { labels: Record<string, string> },
): Record<string, string> {
  return {
    ...definition.labels,
    ...projectLabels(app),
    [label[kind]]: key,
    [label.device]: device,
    [label.app]: app.app,
    [label.definition]: canonicalHash(definition),
  };
}

/** Whether it was made by us from another definition than this one. */
export function definitionChanged(
  labels: Record<string, string> | null,
  definition: { labels: Record<string, string> },
): boolean {
  const made = labels?.[label.definition];
  return made !== undefined && made !== canonicalHash(definition);
}

/** No hooks where the label is absent or was written by someone else. */
export function hooksOf(labels: Record<string, string> | null): Hooks {
  const text = labels?.[label.device] === undefined ? undefined : labels[label.hooks];
  return text === undefined ? { postStart: [], preStop: [] } : (JSON.parse(text) as Hooks);
}

function projectLabels(app: ResolvedApp): Record<string, string> {
  return { [label.project]: app.project, [label.version]: composeVersion };
}

function networksLabel(networks: readonly string[]): Record<string, string> {
  return networks.length === 0 ? {} : { [label.networks]: networks.join(",") };
}

function forwardsLabel(spec: ComposeService): Record<string, string> {
  if (!isHandedOver(spec)) return {};
  const targets = new Set(forwardedPorts(spec).map(({ target }) => target));
  return { [label.forwards]: [...targets].join(",") };
}

function hooksLabel({ postStart, preStop }: ComposeService): Record<string, string> {
  if (postStart.length + preStop.length === 0) return {};
  return { [label.hooks]: JSON.stringify({ postStart, preStop }) };
}

/** As compose writes it: `db:service_healthy:false,cache:service_started:true`. */
function dependsOnLabel(spec: ComposeService): string {
  return Object.entries(spec.dependsOn)
    .map(([name, { condition, restart }]) => `${name}:${condition}:${restart}`)
    .join(",");
}
