// Compares the instances that run with those that a release wants: what goes, what starts, what waits.
import type { InstanceRef, ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import type { Dependency } from "#shared/compose/model.ts";
import { startOrder } from "#shared/compose/order.ts";
import { mayEnd } from "./gate.ts";
import type { Step } from "./step.ts";

/** Steps that bring the instances to the release; [] means converged. What goes, goes before anything
 *  starts, so that a port or a name can move from one service to another. Pure.
 *  @see Compose specification, "depends_on" */
export function converge(wanted: ResolvedApp, instances: readonly ObservedInstance[]): Step[] {
  const surplus = surplusOf(wanted, instances);
  if (surplus.length > 0) {
    return [
      { kind: "remove", app: wanted.app, instances: surplus, why: whyRemoved(wanted, surplus) },
    ];
  }
  const missing = missingOf(wanted, instances);
  if (missing.length === 0) return [];
  const ready = missing.filter(({ service }) => blocker(wanted, instances, service) === undefined);
  if (ready.length > 0) {
    const why = `${ready.length} of ${missing.length} missing instances can start`;
    return [{ kind: "start", app: wanted.app, revision: wanted.revision, instances: ready, why }];
  }
  const first = missing[0]?.service ?? "";
  return [{ kind: "wait", app: wanted.app, reason: blocker(wanted, instances, first) ?? "" }];
}

/** Whether this instance is one that the release wants, at the right place and not worn out. */
function isWanted(wanted: ResolvedApp, instance: ObservedInstance): boolean {
  const service = wanted.services[instance.service];
  return (
    service !== undefined &&
    service.runtime === instance.runtime &&
    service.configHash === instance.configHash &&
    instance.index <= service.spec.replicas &&
    instance.state !== "dead"
  );
}

function surplusOf(
  wanted: ResolvedApp,
  instances: readonly ObservedInstance[],
): ObservedInstance[] {
  const seen = new Set<string>();
  const surplus = new Set<ObservedInstance>();
  for (const instance of instances) {
    const place = `${instance.service}/${instance.index}`;
    if (!isWanted(wanted, instance) || seen.has(place)) surplus.add(instance);
    else seen.add(place);
  }
  for (const dependent of restartedWith(wanted, instances, surplus)) surplus.add(dependent);
  return dependentsFirst([...surplus], wanted);
}

/** Instances that `depends_on.restart` ties to a service that is being replaced. */
function restartedWith(
  wanted: ResolvedApp,
  instances: readonly ObservedInstance[],
  surplus: ReadonlySet<ObservedInstance>,
): ObservedInstance[] {
  const replaced = new Set([...surplus].map(({ service }) => service));
  return instances.filter(({ service }) => {
    const dependsOn = wanted.services[service]?.spec.dependsOn ?? {};
    return Object.entries(dependsOn).some(([name, how]) => how.restart && replaced.has(name));
  });
}

/** The order in which copies go: dependents before what they depend on. */
export function dependentsFirst(
  instances: readonly ObservedInstance[],
  release: ResolvedApp | undefined,
): ObservedInstance[] {
  const levels = release === undefined ? [] : startOrder(release.compose);
  const level = (service: string): number => {
    const found = levels.findIndex((names) => names.includes(service));
    return found < 0 ? levels.length : found;
  };
  return [...instances].sort((a, b) => level(b.service) - level(a.service) || b.index - a.index);
}

function whyRemoved(wanted: ResolvedApp, surplus: readonly ObservedInstance[]): string {
  const changed = surplus.filter(({ service }) => wanted.services[service] !== undefined);
  return changed.length === surplus.length
    ? `${surplus.length} instances are not as the release wants them`
    : `${surplus.length - changed.length} instances belong to no service of the release`;
}

function missingOf(wanted: ResolvedApp, instances: readonly ObservedInstance[]): InstanceRef[] {
  const missing: InstanceRef[] = [];
  for (const level of startOrder(wanted.compose)) {
    for (const name of level) missing.push(...missingCopies(wanted, instances, name));
  }
  return missing;
}

function missingCopies(
  wanted: ResolvedApp,
  instances: readonly ObservedInstance[],
  name: string,
): InstanceRef[] {
  const replicas = wanted.services[name]?.spec.replicas ?? 0;
  const copies = Array.from({ length: replicas }, (_, at) => ({ service: name, index: at + 1 }));
  return copies.filter(({ index }) => {
    const there = instances.find((one) => one.service === name && one.index === index);
    return there === undefined || mustStart(wanted, there);
  });
}

/** A stopped copy that its restart policy wants running. What ended as it should stays ended, and one
 *  whose tries are used up is left for people to see. */
function mustStart(wanted: ResolvedApp, instance: ObservedInstance): boolean {
  if (instance.state === "created") return true;
  if (instance.state !== "exited") return false;
  const service = wanted.services[instance.service];
  const policy = service?.spec.restart;
  if (service === undefined || policy === undefined || policy.name === "no") return false;
  if (instance.exitCode === 0 && mayEnd(wanted, service)) return false;
  if (policy.name !== "on-failure") return true;
  const exhausted = policy.maxAttempts > 0 && instance.restarts >= policy.maxAttempts;
  return instance.exitCode !== 0 && !exhausted;
}

/** Why a service may not start yet, in words; undefined when it may. */
function blocker(
  wanted: ResolvedApp,
  instances: readonly ObservedInstance[],
  service: string,
): string | undefined {
  const dependsOn = wanted.services[service]?.spec.dependsOn ?? {};
  for (const [name, how] of Object.entries(dependsOn)) {
    const replicas = wanted.services[name]?.spec.replicas ?? 0;
    const copies = instances.filter((one) => one.service === name);
    const met = copies.length >= replicas && copies.every((copy) => meets(copy, how.condition));
    if (!met && wanted.services[name] !== undefined) {
      return `${service} waits for ${name} to be ${conditionWords[how.condition]}`;
    }
  }
  return undefined;
}

const conditionWords = {
  service_started: "started",
  service_healthy: "healthy",
  service_completed_successfully: "completed",
} as const satisfies Record<Dependency["condition"], string>;

function meets(copy: ObservedInstance, condition: Dependency["condition"]): boolean {
  const completed = copy.state === "exited" && copy.exitCode === 0;
  switch (condition) {
    case "service_started":
      return copy.state === "running" || completed;
    case "service_healthy":
      return copy.state === "running" && (copy.health === "healthy" || copy.health === "none");
    case "service_completed_successfully":
      return completed;
  }
}
