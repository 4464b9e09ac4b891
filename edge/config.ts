// The agent's configuration: agent.yaml checked, completed and in the units that programs use.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { AgentFile } from "#edge/config/schema.ts";
import { FleetError, type Where } from "#shared/errors.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import type { Path } from "#shared/yaml/nodes.ts";
import { readYaml, type YamlFile, type YamlSource } from "#shared/yaml/read.ts";

export interface RegistryLogin {
  username: string;
  password: string;
}

/** Paths are absolute, secrets of registries are read, the short labels are among the labels. */
export interface AgentConfig {
  device: DeviceId;
  hostname: string;
  labels: Labels;
  hub: AgentFile["hub"];
  dataDirectory: string;
  runDirectory: string;
  intervalMs: number;
  heartbeatMs: number;
  runtime: AgentFile["runtime"];
  docker: AgentFile["docker"];
  projectPrefix: string;
  registries: Record<string, RegistryLogin>;
  page: AgentFile["page"] & { tokenFile: string };
  workloadsOnStop: AgentFile["workloadsOnStop"];
  log: AgentFile["log"];
  journal: { maxBytes: number };
  disk: { reserveBytes: number; ballastBytes: number };
  machine: AgentFile["machine"];
  safeMode: { healthyAfterMs: number };
}

/** What a change of a field in agent.yaml takes. The rest of a changed file applies at once even when
 *  one of its fields needs a restart. */
export const appliesBy = {
  device: "restart",
  hostname: "reload",
  labels: "reload",
  hub: "restart",
  dataDirectory: "restart",
  runDirectory: "restart",
  intervalMs: "reload",
  heartbeatMs: "reload",
  runtime: "restart",
  docker: "restart",
  projectPrefix: "restart",
  registries: "reload",
  page: "restart",
  workloadsOnStop: "reload",
  log: "reload",
  journal: "restart",
  disk: "restart",
  machine: "restart",
  safeMode: "reload",
} as const satisfies Record<keyof AgentConfig, "reload" | "restart">;

const shortLabels = ["site", "segment", "role", "branch"] as const;
const bytesPerMegabyte = 1_000_000;
const hint = "edge/agent.example.yaml explains every field.";

/** @throws FleetError config_invalid with file, line and field */
export function loadConfig(file: string): AgentConfig {
  return parseConfig(file, readConfigText(file));
}

/** @throws FleetError config_invalid when the file cannot be read */
export function readConfigText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const message = `the configuration cannot be read: ${reasonOf(cause)}`;
    throw new FleetError("config_invalid", {
      message,
      where: { file },
      subject: file,
      hint,
      cause,
    });
  }
}

/** @param file where the text stands; paths in it are relative to that directory */
export function parseConfig(file: string, text: string): AgentConfig {
  const source: YamlSource = { file, text, code: "config_invalid", hint };
  const yaml = checkYaml(AgentFile, source);
  const parsed = yaml.value;
  const from = dirname(resolve(file));
  const { interval, heartbeatSeconds, journal, disk, page } = parsed;
  const dataDirectory = resolve(from, parsed.dataDirectory);
  return {
    device: parsed.device,
    hostname: parsed.hostname ?? hostname(),
    labels: allLabels(yaml),
    hub: locatedHub(parsed.hub, from),
    dataDirectory,
    runDirectory: resolve(from, parsed.runDirectory),
    intervalMs: Math.round(interval * 1000),
    heartbeatMs: Math.round(heartbeatSeconds * 1000),
    runtime: parsed.runtime,
    docker: parsed.docker,
    projectPrefix: parsed.projectPrefix,
    registries: logins(yaml, from),
    page: {
      ...page,
      tokenFile: resolve(from, page.tokenFile ?? join(dataDirectory, "page-token")),
    },
    workloadsOnStop: parsed.workloadsOnStop,
    log: parsed.log,
    journal: { maxBytes: journal.maxMegabytes * bytesPerMegabyte },
    disk: {
      reserveBytes: disk.reserveMegabytes * bytesPerMegabyte,
      ballastBytes: disk.ballastMegabytes * bytesPerMegabyte,
    },
    machine: { ...parsed.machine, bootIdFile: resolve(from, parsed.machine.bootIdFile) },
    safeMode: { healthyAfterMs: Math.round(parsed.safeMode.healthySeconds * 1000) },
  };
}

/** The enrolment token, read when it is wanted: once the device is enrolled its file may be gone.
 *  @throws FleetError config_invalid */
export function enrolmentToken({ hub }: AgentConfig, file: string): string | undefined {
  if (hub.tokenFile === undefined) return hub.token;
  const source: YamlSource = { file, text: readConfigText(file), code: "config_invalid", hint };
  return readSecret(hub.tokenFile, readYaml(source).locate, ["hub", "tokenFile"]);
}

function allLabels({ value: parsed, locate }: YamlFile<AgentFile>): Labels {
  const labels = { ...parsed.labels };
  for (const key of shortLabels) {
    const value = parsed[key];
    if (value === undefined) continue;
    if (labels[key] !== undefined && labels[key] !== value) {
      throw invalid(locate([key]), `contradicts labels.${key}, which is "${labels[key]}"`);
    }
    labels[key] = value;
  }
  return labels;
}

function locatedHub(hub: AgentFile["hub"], from: string): AgentFile["hub"] {
  return hub.tokenFile === undefined ? hub : { ...hub, tokenFile: resolve(from, hub.tokenFile) };
}

function logins(yaml: YamlFile<AgentFile>, from: string): AgentConfig["registries"] {
  const entries = Object.entries(yaml.value.registries).map(([host, login]) => {
    const { username, password, passwordFile } = login;
    const path = ["registries", host, "passwordFile"];
    const read = (): string => readSecret(resolve(from, passwordFile ?? ""), yaml.locate, path);
    return [host, { username, password: password ?? read() }] as const;
  });
  return Object.fromEntries(entries);
}

/** The first line: editors put a line end after it. */
function readSecret(path: string, locate: YamlFile["locate"], key: Path): string {
  try {
    const secret = readFileSync(path, "utf8").split(/\r?\n/, 1)[0] ?? "";
    if (secret !== "") return secret;
  } catch (cause) {
    throw invalid(locate(key), `${path} cannot be read: ${reasonOf(cause)}`, cause);
  }
  throw invalid(locate(key), `${path} is empty`);
}

function invalid(where: Where, message: string, cause?: unknown): FleetError {
  return new FleetError("config_invalid", {
    message,
    where,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
