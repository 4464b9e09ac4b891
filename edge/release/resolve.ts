// Resolves a staged revision for this device: the Compose model, hashes, runtimes and probes.
import type { ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import { serviceHash } from "#shared/compose/hash.ts";
import { interpolate } from "#shared/compose/interpolate.ts";
import { loadCompose } from "#shared/compose/load.ts";
import type { ComposeProject, ComposeService } from "#shared/compose/model.ts";
import { type ErrorCode, FleetError, type Where } from "#shared/errors.ts";
import type { Values } from "#shared/ids.ts";
import type { RuntimeName } from "#shared/reported.ts";
import type { Probe } from "#shared/role.ts";
import type { Path } from "#shared/yaml/nodes.ts";
import { readYaml } from "#shared/yaml/read.ts";
import { roleFile } from "./load.ts";
import { createLru } from "./lru.ts";
import type { StagedRevision } from "./port.ts";

export interface ResolveOptions {
  /** Compose project name on the Engine. */
  project: string;
  /** For services that name no runtime. */
  defaultRuntime: RuntimeName;
  /** What this device has. */
  runtimes: readonly RuntimeName[];
}

export interface Resolved {
  app: ResolvedApp;
  probes: Probe[];
  warnings: string[];
}

/** Keeps what it has resolved: a revision's content never changes, so an idle loop neither reads nor
 *  hashes a file again.
 *  @param limit revisions to keep */
export function createResolver(limit = 16): typeof resolveApp {
  const known = createLru<Resolved>(limit);
  return (staged, options) => {
    const { project, defaultRuntime, runtimes } = options;
    const key = [staged.spec.name, staged.revision, staged.directory, project, defaultRuntime]
      .concat(runtimes)
      .join(" ");
    const resolved = known.get(key) ?? resolveApp(staged, options);
    known.set(key, resolved);
    return resolved;
  };
}

/** @throws FleetError compose_invalid, compose_unsupported, variable_missing, plan_cycle, role_invalid or
 *  runtime_refused, with file, line and key */
export function resolveApp(staged: StagedRevision, options: ResolveOptions): Resolved {
  const { spec, revision, directory, composeText } = staged;
  const values = { ...staged.role.values, ...spec.values };
  requireValues(staged, values);
  const file = roleFile(spec, "compose.yaml");
  const readText = (path: string): string | undefined => staged.readText(path);
  const { project, warnings } = loadCompose({ file, text: composeText, values, readText });
  const services = resolveServices(staged, project, options);
  const app: ResolvedApp = {
    app: spec.name,
    project: options.project,
    revision,
    release: spec.release.digest,
    directory,
    compose: project,
    services,
    values,
  };
  return { app, probes: resolveProbes(staged, project, values), warnings };
}

function requireValues(staged: StagedRevision, values: Values): void {
  for (const [index, name] of staged.role.requires.entries()) {
    if ((values[name] ?? "") !== "") continue;
    throw new FleetError("variable_missing", {
      message: `the role requires the value ${name}, which is not set`,
      where: placeInRole(staged, ["requires", index]),
      subject: name,
      hint: `Set ${name} in fleet.yaml, sites/<site>.yaml or devices/<id>.yaml.`,
    });
  }
}

function resolveServices(
  staged: StagedRevision,
  project: ComposeProject,
  options: ResolveOptions,
): Record<string, ResolvedService> {
  const contentHash = (path: string): string | undefined => staged.contentHash(path);
  const resolved = Object.entries(project.services).map(([name, spec]) => {
    const configHash = serviceHash(spec, contentHash, project);
    return [name, { spec, configHash, runtime: runtimeOf(staged, spec, options) }] as const;
  });
  return Object.fromEntries(resolved);
}

function runtimeOf(
  staged: StagedRevision,
  service: ComposeService,
  { defaultRuntime, runtimes }: ResolveOptions,
): RuntimeName {
  const runtime = service.fleet.runtime ?? defaultRuntime;
  if (runtimes.includes(runtime)) return runtime;
  const file = roleFile(staged.spec, "compose.yaml");
  const where = placeOf(file, staged.composeText, ["services", service.name]);
  throw new FleetError("runtime_refused", {
    message: `the service ${service.name} wants the ${runtime} runtime, and this device has ${runtimes.join(" and ") || "none"}`,
    where,
    subject: service.name,
    hint:
      runtime === "docker"
        ? "Install a Docker Engine on the device, or give the service x-fleet: {runtime: process}."
        : "Allow the process runtime on the device, or remove x-fleet.runtime from the service.",
  });
}

function resolveProbes(staged: StagedRevision, project: ComposeProject, values: Values): Probe[] {
  return staged.role.health.probes.map((probe, index) => {
    const place = (key: string): Where => placeInRole(staged, ["health", "probes", index, key]);
    const resolved = interpolateProbe(probe, values, place);
    if ("log" in resolved) checkLogProbe(resolved, project, place);
    return resolved;
  });
}

function interpolateProbe(probe: Probe, values: Values, place: (key: string) => Where): Probe {
  const entries = Object.entries(probe).map(([key, value]) => {
    return [key, typeof value === "string" ? textOf(value, values, place(key)) : value];
  });
  return Object.fromEntries(entries) as Probe;
}

/** @throws FleetError with the place that interpolation itself does not know */
function textOf(template: string, values: Values, where: Where): string {
  try {
    return interpolate(template, values).text;
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    const code: ErrorCode = error.code === "compose_invalid" ? "role_invalid" : error.code;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new FleetError(code, { message: error.message, where, cause: error, ...hint });
  }
}

function checkLogProbe(
  probe: Extract<Probe, { log: string }>,
  project: ComposeProject,
  place: (key: string) => Where,
): void {
  if (project.services[probe.service] === undefined) {
    const known = Object.keys(project.services).join(", ");
    throw new FleetError("role_invalid", {
      message: `the role has no service "${probe.service}"; it has ${known}`,
      where: place("service"),
    });
  }
  try {
    new RegExp(probe.log);
  } catch (cause) {
    const message = `"${probe.log}" is not a regular expression`;
    throw new FleetError("role_invalid", { message, where: place("log"), cause });
  }
}

function placeInRole(staged: StagedRevision, path: Path): Where {
  return placeOf(roleFile(staged.spec, "role.yaml"), staged.readText("role.yaml") ?? "", path);
}

function placeOf(file: string, text: string, path: Path): Where {
  return readYaml({ file, text, code: "role_invalid" }).locate(path);
}
