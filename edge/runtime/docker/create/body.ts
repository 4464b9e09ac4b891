// Maps one copy of a service to the Engine's create document: every key that the model carries. Pure.
import type { CreateBody, HealthcheckBody, HostConfig } from "#edge/runtime/docker/calls/api.ts";
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import { telemetryEnvironment, telemetryTarget } from "#edge/telemetry/place.ts";
import { type ComposeService, forwardedPorts, type Healthcheck } from "#shared/compose/model.ts";
import {
  type Endpoints,
  endpointsOf,
  linksOf,
  portsOf,
  severalEndpointsMinor,
} from "./endpoints.ts";
import { containerLabels, label } from "./labels.ts";
import { limitsOf } from "./limits.ts";
import { type HostFile, lockTarget, mountsOf } from "./mounts.ts";
import { namespaceOf, serviceOf } from "./names.ts";
import { devicesOf, resourcesOf } from "./resources.ts";
import { type Security, securityOf } from "./security.ts";

export interface BodyContext {
  device: string;
  /** Minor version of the Engine's API. */
  apiMinor: number;
  image: string;
  imageId: string;
  files: readonly HostFile[];
  /** The host's directory of the app's update lock; absent: the app has none. */
  lockDirectory?: string | undefined;
  /** The host's directory of the app's telemetry socket; absent: the service has none. */
  telemetryDirectory?: string | undefined;
  /** Text of a seccomp profile by its path, relative to the release directory or absolute. */
  readProfile: (path: string) => string;
}

export function createBody(app: ResolvedApp, ref: InstanceRef, context: BodyContext): CreateBody {
  const { spec } = serviceOf(app, ref.service);
  const endpoints = endpointsOf(app, ref);
  const ports = portsOf(spec);
  const several = context.apiMinor >= severalEndpointsMinor;
  const atCreate = several ? endpoints.all : endpoints.all.slice(0, 1);
  const host = hostConfigOf(app, spec, endpoints, ports.bindings, context);
  return {
    Image: context.image,
    Cmd: spec.command,
    Entrypoint: spec.entrypoint,
    Env: Object.entries(environmentOf(spec, ref, context)).map(
      ([name, value]) => `${name}=${value}`,
    ),
    WorkingDir: spec.workingDir,
    User: spec.user,
    Hostname: spec.hostname,
    Domainname: spec.domainName,
    MacAddress: several && atCreate.length > 0 ? undefined : primaryMac(spec, endpoints),
    Tty: spec.tty,
    OpenStdin: spec.stdinOpen,
    StopSignal: spec.stopSignal,
    StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
    Healthcheck: spec.healthcheck === undefined ? undefined : healthcheckOf(spec.healthcheck),
    ExposedPorts: ports.exposed,
    Labels: {
      ...containerLabels(app, ref, {
        ...context,
        networks: endpoints.all.map(([network]) => network),
      }),
      [label.limits]: JSON.stringify(limitsOf(host)),
    },
    HostConfig: host,
    NetworkingConfig:
      atCreate.length === 0
        ? undefined
        : { EndpointsConfig: Object.fromEntries(withMac(atCreate, spec, several)) },
  };
}

/** The same variables as a process gets, so that one command serves both runtimes. */
function environmentOf(
  spec: ComposeService,
  ref: InstanceRef,
  { lockDirectory, telemetryDirectory }: BodyContext,
) {
  const ports = forwardedPorts(spec).map(({ target }) => [`FLEET_PORT_${target}`, `${target}`]);
  const lock = spec.fleet.updateLock === true && lockDirectory !== undefined;
  return {
    ...spec.environment,
    ...(Object.fromEntries(ports) as Record<string, string>),
    ...(lock ? { FLEET_LOCK: `${lockTarget}/lock` } : {}),
    ...(telemetryDirectory === undefined ? {} : telemetryEnvironment(telemetryTarget, ref)),
  };
}

/** Endpoints that are connected after create, where the Engine takes only one at create. */
export function laterEndpoints(endpoints: Endpoints, apiMinor: number): Endpoints["all"] {
  return apiMinor >= severalEndpointsMinor ? [] : endpoints.all.slice(1);
}

function hostConfigOf(
  app: ResolvedApp,
  spec: ComposeService,
  endpoints: Endpoints,
  bindings: HostConfig["PortBindings"],
  context: BodyContext,
): HostConfig {
  const security: Security = securityOf(spec, context.readProfile);
  return {
    ...mountsOf(app, spec, context),
    ...resourcesOf(spec.resources),
    ...devicesOf(spec),
    ...security,
    ...namespacesOf(app, spec),
    PortBindings: bindings,
    NetworkMode: endpoints.networkMode,
    // Links of the Engine's own bridge; on other networks they belong to the endpoint.
    Links: endpoints.networkMode === "bridge" ? linksOf(app, spec) : undefined,
    RestartPolicy: { Name: spec.restart.name, MaximumRetryCount: spec.restart.maxAttempts },
    LogConfig: loggingOf(spec.logging),
    ExtraHosts: spec.extraHosts.map(extraHost),
    Dns: spec.dns,
    DnsOptions: spec.dnsOptions,
    DnsSearch: spec.dnsSearch,
    GroupAdd: spec.groupAdd,
    Annotations: Object.keys(spec.annotations).length === 0 ? undefined : spec.annotations,
    Init: spec.init,
    Runtime: spec.ociRuntime,
    StorageOpt: spec.storageOptions,
    Sysctls: spec.sysctls,
    Ulimits: Object.entries(spec.ulimits).map(([Name, { soft, hard }]) => ({
      Name,
      Soft: soft,
      Hard: hard,
    })),
  };
}

function namespacesOf(app: ResolvedApp, spec: ComposeService): HostConfig {
  return {
    IpcMode: namespaceOf(app, spec.ipc),
    PidMode: namespaceOf(app, spec.pid),
    UTSMode: spec.uts,
    UsernsMode: spec.usernsMode,
    CgroupnsMode: spec.cgroup,
    CgroupParent: spec.cgroupParent,
  };
}

/** A disabled check is `NONE`: leaving it out would keep the image's own. */
function healthcheckOf(check: Healthcheck): HealthcheckBody {
  if (check.disabled) return { Test: ["NONE"] };
  return {
    Test: check.test,
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    StartPeriod: nanoseconds(check.startPeriodMs),
    StartInterval: nanoseconds(check.startIntervalMs),
    Retries: check.retries,
  };
}

function nanoseconds(durationMs: number | undefined): number | undefined {
  return durationMs === undefined ? undefined : Math.round(durationMs * 1e6);
}

/** Docker's own default grows without bound, and an SD card fills. */
const boundedLog = { "max-size": "10m", "max-file": "3" };

function loggingOf(logging: ComposeService["logging"]): HostConfig["LogConfig"] {
  const driver = logging?.driver ?? "json-file";
  const options = logging?.options ?? {};
  const config = driver === "json-file" ? { ...boundedLog, ...options } : options;
  return { Type: driver, Config: config };
}

/** `name=address` is Compose's newer form; the Engine takes only `name:address`, without brackets. */
function extraHost(host: string): string {
  const [, name = host, address = ""] = /^([^=:]+)[=:]\[?(.*?)\]?$/.exec(host) ?? [];
  return `${name}:${address}`;
}

function primaryMac(spec: ComposeService, endpoints: Endpoints): string | undefined {
  return spec.macAddress ?? endpoints.all[0]?.[1].MacAddress;
}

/** From API 1.44 on the container's MAC address is its first endpoint's. */
function withMac(all: Endpoints["all"], spec: ComposeService, several: boolean): Endpoints["all"] {
  return all.map(([name, settings], position) => {
    const own =
      several && position === 0 ? primaryMac(spec, { networkMode: undefined, all }) : undefined;
    return [name, own === undefined ? settings : { ...settings, MacAddress: own }];
  });
}
