// One service in its normal form, gathered from the normalisers of its keys.
import type { ComposeService, Port } from "#shared/compose/model.ts";
import { normaliseDependencies, type Population } from "./dependencies.ts";
import { normaliseDeviceRequests, normaliseDevices } from "./devices.ts";
import { normaliseEnvironment, normaliseLabels } from "./environment.ts";
import { normaliseExtension } from "./extension.ts";
import {
  allEntries,
  at,
  command,
  durationMs,
  type Field,
  fail,
  flag,
  integer,
  isList,
  isMap,
  isSet,
  items,
  present,
  rawText,
  sorted,
  splitOnce,
  text,
  textMap,
  texts,
  warn,
} from "./field.ts";
import { normaliseFileMounts } from "./files.ts";
import { refuseUnshareable } from "./hand_over.ts";
import { normaliseHealthcheck, normaliseHooks, normaliseRestart } from "./health.ts";
import { normaliseMounts } from "./mounts.ts";
import { normaliseAttachments } from "./networks.ts";
import { normalisePorts } from "./ports.ts";
import { normaliseResources } from "./resources.ts";

const defaultStopGraceMs = 10_000;

/** @param service valid by the schema */
export function normaliseService(
  name: string,
  service: Field,
  population: Population,
): ComposeService {
  const normal: ComposeService = {
    name,
    ...execution(service),
    ...lifecycle(service, population),
    ...connections(service),
    ...storage(service),
    ...isolation(service),
    labels: normaliseLabels(service),
    annotations: textMap(at(service, "annotations")),
    resources: normaliseResources(service),
    fleet: normaliseExtension(at(service, "x-fleet")),
    ...present({ logging: logging(at(service, "logging")) }),
  };
  checkImage(service, normal);
  checkReplicas(service, normal);
  refuseUnshareable(service, normal);
  return normal;
}

function execution(service: Field) {
  return {
    pullPolicy: pullPolicy(at(service, "pull_policy")),
    environment: normaliseEnvironment(service),
    groupAdd: texts(at(service, "group_add")),
    tty: flag(at(service, "tty")) ?? false,
    stdinOpen: flag(at(service, "stdin_open")) ?? false,
    ...present({
      image: text(at(service, "image")),
      platform: text(at(service, "platform")),
      containerName: text(at(service, "container_name")),
      command: command(at(service, "command")),
      entrypoint: command(at(service, "entrypoint")),
      workingDir: text(at(service, "working_dir")),
      user: text(at(service, "user")),
      init: flag(at(service, "init")),
    }),
  };
}

function lifecycle(service: Field, population: Population) {
  return {
    replicas: replicas(service),
    restart: normaliseRestart(service),
    dependsOn: normaliseDependencies(service, population),
    stopGraceMs: durationMs(at(service, "stop_grace_period")) ?? defaultStopGraceMs,
    postStart: normaliseHooks(at(service, "post_start")),
    preStop: normaliseHooks(at(service, "pre_stop")),
    ...present({
      healthcheck: normaliseHealthcheck(at(service, "healthcheck")),
      stopSignal: text(at(service, "stop_signal")),
    }),
  };
}

function connections(service: Field) {
  return {
    ports: ports(service),
    expose: texts(at(service, "expose")),
    networks: normaliseAttachments(service),
    links: texts(at(service, "links")),
    externalLinks: texts(at(service, "external_links")),
    extraHosts: extraHosts(at(service, "extra_hosts")),
    dns: texts(at(service, "dns")),
    dnsOptions: texts(at(service, "dns_opt")),
    dnsSearch: texts(at(service, "dns_search")),
    ...present({
      networkMode: text(at(service, "network_mode")),
      hostname: text(at(service, "hostname")),
      domainName: text(at(service, "domainname")),
      macAddress: text(at(service, "mac_address")),
    }),
  };
}

function storage(service: Field) {
  return {
    mounts: normaliseMounts(at(service, "volumes"), at(service, "tmpfs")),
    volumesFrom: texts(at(service, "volumes_from")),
    configs: normaliseFileMounts(at(service, "configs"), "/"),
    secrets: normaliseFileMounts(at(service, "secrets"), "/run/secrets/"),
    readOnly: flag(at(service, "read_only")) ?? false,
    storageOptions: textMap(at(service, "storage_opt")),
  };
}

function isolation(service: Field) {
  return {
    devices: normaliseDevices(at(service, "devices")),
    deviceRequests: normaliseDeviceRequests(service),
    deviceCgroupRules: texts(at(service, "device_cgroup_rules")),
    capAdd: texts(at(service, "cap_add")),
    capDrop: texts(at(service, "cap_drop")),
    securityOptions: texts(at(service, "security_opt")),
    privileged: flag(at(service, "privileged")) ?? false,
    sysctls: textMap(at(service, "sysctls")),
    ulimits: ulimits(at(service, "ulimits")),
    ...present({
      ipc: text(at(service, "ipc")),
      pid: text(at(service, "pid")),
      uts: text(at(service, "uts")),
      usernsMode: text(at(service, "userns_mode")),
      cgroup: cgroup(at(service, "cgroup")),
      cgroupParent: text(at(service, "cgroup_parent")),
      ociRuntime: text(at(service, "runtime")),
    }),
  };
}

function cgroup(field: Field): ComposeService["cgroup"] {
  return field.value === "host" || field.value === "private" ? field.value : undefined;
}

function pullPolicy(field: Field): ComposeService["pullPolicy"] {
  const given = text(field) ?? "missing";
  if (given === "always" || given === "never" || given === "missing") return given;
  if (given === "if_not_present") return "missing";
  if (given === "build") {
    const hint = "Push the image to a registry beforehand.";
    fail(field, "is not supported: a device does not build images", {
      code: "compose_unsupported",
      hint,
    });
    return "missing";
  }
  warn(
    field,
    `${given} is taken as always: images are pulled when a release arrives, and not by age`,
  );
  return "always";
}

function replicas(service: Field): number {
  const deploy = at(service, "deploy");
  const mode = text(at(deploy, "mode")) ?? "replicated";
  const scale = integer(at(service, "scale"), 0);
  const count = integer(at(deploy, "replicas"), 0);
  if (scale !== undefined && count !== undefined && scale !== count) {
    fail(at(service, "scale"), "contradicts deploy.replicas", { hint: "Keep one of them." });
  }
  if (mode === "replicated") return count ?? scale ?? 1;
  if (mode === "global") warn(at(deploy, "mode"), "global is taken as one replica on this device");
  else
    fail(at(deploy, "mode"), `is not supported: ${mode} is a Swarm's mode`, {
      code: "compose_unsupported",
    });
  return 1;
}

/** With the host's network nothing is published, and in another's network only that one may publish. */
function ports(service: Field): Port[] {
  const field = at(service, "ports");
  const [mode] = splitOnce(text(at(service, "network_mode")) ?? "", ":");
  const found = normalisePorts(field);
  if (found.length === 0 || !["host", "none", "service", "container"].includes(mode)) return found;
  if (mode === "host" || mode === "none") warn(field, `is ignored with network_mode ${mode}`);
  else
    fail(field, `cannot be published with network_mode ${mode}`, {
      hint: "Publish them where the network belongs.",
    });
  return [];
}

/** As the Engine takes them: `host:address`. */
function extraHosts(field: Field): string[] {
  const pairs = isList(field)
    ? items(field).map((item) => [item, ...hostPair(text(item) ?? "")] as const)
    : allEntries(field).flatMap(([host, entry]) =>
        texts(entry).map((address) => [entry, host, address] as const),
      );
  return pairs.map(([place, host, address]) => {
    if (address === undefined || address === "") fail(place, "must have the form host=address");
    return `${host}:${(address ?? "").replace(/^\[(.*)\]$/, "$1")}`;
  });
}

function hostPair(given: string): [string, string | undefined] {
  return given.includes("=") ? splitOnce(given, "=") : splitOnce(given, ":");
}

function ulimits(field: Field): ComposeService["ulimits"] {
  return sorted(
    allEntries(field).map(([name, limit]) => {
      const both = isMap(limit) ? undefined : integer(limit, -1);
      const soft = both ?? integer(at(limit, "soft"), -1) ?? 0;
      const hard = both ?? integer(at(limit, "hard"), -1) ?? 0;
      if (hard !== -1 && (soft > hard || soft === -1))
        fail(limit, "the soft limit is above the hard one");
      return [name, { soft, hard }];
    }),
  );
}

function logging(field: Field): ComposeService["logging"] {
  if (!isSet(field)) return undefined;
  const options = allEntries(at(field, "options")).flatMap(([key, entry]) => {
    const value = rawText(entry);
    return value === undefined ? [] : [[key, value] as const];
  });
  return { options: sorted(options), ...present({ driver: text(at(field, "driver")) }) };
}

function checkImage(service: Field, { image, fleet }: ComposeService): void {
  if (image !== undefined || fleet.command !== undefined) return;
  const field = isSet(at(service, "image")) ? at(service, "image") : service;
  const hint = "Name an image, or a command for the process runtime under x-fleet.";
  fail(field, field === service ? "has neither an image nor an x-fleet command" : "is empty", {
    hint,
  });
}

function checkReplicas(service: Field, { replicas: count, containerName }: ComposeService): void {
  if (count <= 1 || containerName === undefined) return;
  fail(at(service, "container_name"), `one name cannot be given to ${count} containers`, {
    hint: "Remove container_name, or keep one replica.",
  });
}
