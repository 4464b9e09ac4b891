// The agent's configuration: agent.yaml checked, completed and in the units that programs use.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { AgentFile } from "#edge/config/schema.ts";
import { parseYaml, placeInYaml, type YamlSource } from "#edge/config/yaml.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";

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
  intervalMs: number;
  heartbeatMs: number;
  runtime: AgentFile["runtime"];
  docker: AgentFile["docker"];
  projectPrefix: string;
  registries: Record<string, RegistryLogin>;
  page: AgentFile["page"];
  workloadsOnStop: AgentFile["workloadsOnStop"];
  log: AgentFile["log"];
  journal: { maxBytes: number };
  disk: { reserveBytes: number };
}

/** What a change of a field in agent.yaml takes. The rest of a changed file applies at once even when
 *  one of its fields needs a restart. */
export const appliesBy = {
  device: "restart",
  hostname: "reload",
  labels: "reload",
  hub: "restart",
  dataDirectory: "restart",
  intervalMs: "reload",
  heartbeatMs: "restart",
  runtime: "restart",
  docker: "restart",
  projectPrefix: "restart",
  registries: "reload",
  page: "restart",
  workloadsOnStop: "reload",
  log: "reload",
  journal: "restart",
  disk: "restart",
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
  const parsed = parseYaml(AgentFile, source);
  const from = dirname(resolve(file));
  const { interval, heartbeatSeconds, journal, disk } = parsed;
  return {
    device: parsed.device,
    hostname: parsed.hostname ?? hostname(),
    labels: allLabels(parsed, source),
    hub: locatedHub(parsed.hub, from),
    dataDirectory: resolve(from, parsed.dataDirectory),
    intervalMs: Math.round(interval * 1000),
    heartbeatMs: Math.round(heartbeatSeconds * 1000),
    runtime: parsed.runtime,
    docker: parsed.docker,
    projectPrefix: parsed.projectPrefix,
    registries: logins(parsed, from, source),
    page: parsed.page,
    workloadsOnStop: parsed.workloadsOnStop,
    log: parsed.log,
    journal: { maxBytes: journal.maxMegabytes * bytesPerMegabyte },
    disk: { reserveBytes: disk.reserveMegabytes * bytesPerMegabyte },
  };
}

/** The enrolment token, read when it is wanted: once the device is enrolled its file may be gone.
 *  @throws FleetError config_invalid */
export function enrolmentToken({ hub }: AgentConfig, file: string): string | undefined {
  if (hub.tokenFile === undefined) return hub.token;
  const source: YamlSource = { file, text: readConfigText(file), code: "config_invalid", hint };
  return readSecret(hub.tokenFile, source, ["hub", "tokenFile"]);
}

function allLabels(parsed: AgentFile, source: YamlSource): Labels {
  const labels = { ...parsed.labels };
  for (const key of shortLabels) {
    const value = parsed[key];
    if (value === undefined) continue;
    if (labels[key] !== undefined && labels[key] !== value) {
      throw invalid(source, [key], `contradicts labels.${key}, which is "${labels[key]}"`);
    }
    labels[key] = value;
  }
  return labels;
}

function locatedHub(hub: AgentFile["hub"], from: string): AgentFile["hub"] {
  return hub.tokenFile === undefined ? hub : { ...hub, tokenFile: resolve(from, hub.tokenFile) };
}

function logins(parsed: AgentFile, from: string, source: YamlSource): AgentConfig["registries"] {
  const entries = Object.entries(parsed.registries).map(([host, login]) => {
    const { username, password, passwordFile } = login;
    const path = ["registries", host, "passwordFile"];
    const read = (): string => readSecret(resolve(from, passwordFile ?? ""), source, path);
    return [host, { username, password: password ?? read() }] as const;
  });
  return Object.fromEntries(entries);
}

/** The first line: editors put a line end after it. */
function readSecret(path: string, source: YamlSource, key: string[]): string {
  try {
    const secret = readFileSync(path, "utf8").split(/\r?\n/, 1)[0] ?? "";
    if (secret !== "") return secret;
  } catch (cause) {
    throw invalid(source, key, `${path} cannot be read: ${reasonOf(cause)}`, cause);
  }
  throw invalid(source, key, `${path} is empty`);
}

function invalid(source: YamlSource, key: string[], message: string, cause?: unknown): FleetError {
  return new FleetError("config_invalid", {
    message,
    where: placeInYaml(source, key),
    subject: source.file,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
