// Compares the instances that run with those that a release wants: what goes, what starts, what waits.
import type { InstanceRef, ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import { type Dependency, isHandedOver } from "#shared/compose/model.ts";
import { startOrder } from "#shared/compose/order.ts";
import { mayEnd } from "./gate.ts";
import type { Step } from "./step.ts";

/** What becomes of the copies that others replace beside them: on trial they `stay` and serve; else they go
 *  `last`, when their successors run. */
export type Replaced = "stay" | "last";

/** Steps that bring the instances to the release; [] means converged. What goes, goes before anything
 *  starts, so that a port or a name can move from one service to another; but a service that is handed
 *  over starts first. Pure.
 *  @see Compose specification, "depends_on"; docs/decisions/2026-11-21-hand-over.md */
export function converge(
  wanted: ResolvedApp,
  instances: readonly ObservedInstance[],
  replaced: Replaced = "last",
): Step[] {
  const { surplus, succeeded } = sorted(wanted, instances);
  if (surplus.length > 0) return [removeStep(wanted, surplus)];
  const kept = instances.filter((instance) => !succeeded.includes(instance));
  const missing = missingOf(wanted, kept);
  const retired = replaced === "last" ? retiredOf(wanted, { kept, missing, succeeded }) : [];
  if (retired.length > 0) return [removeStep(wanted, retired)];
  return missing.length > 0 ? [startStep(wanted, kept, missing)] : [];
}

function removeStep(wanted: ResolvedApp, instances: readonly ObservedInstance[]): Step {
  const inOrder = dependentsFirst(instances, wanted);
  const why = whyRemoved(wanted, instances);
  return { kind: "remove", app: wanted.app, instances: inOrder, why };
}

function startStep(
  wanted: ResolvedApp,
  kept: readonly ObservedInstance[],
  missing: readonly InstanceRef[],
): Step {
  const { app, revision } = wanted;
  const ready = missing.filter(({ service }) => blocker(wanted, kept, service) === undefined);
  if (ready.length > 0) {
    const why = `${ready.length} of ${missing.length} missing instances can start`;
    return { kind: "start", app, revision, instances: ready, why };
  }
  const first = missing[0]?.service ?? "";
  return { kind: "wait", app, reason: blocker(wanted, kept, first) ?? "" };
}

/** Whether this instance is one that the release wants, at the right place and not worn out. */
function isWanted(wanted: ResolvedApp, instance: ObservedInstance): boolean {
  const service = wanted.services[instance.service];
  return (
    service !== undefined &&
    service.runtime === instance.runtime &&
    service.configHash === instance.configHash &&
    instance.index <= service.spec.replicas &&
    instance.state !== "dead" &&
    instance.lost === undefined
  );
}

/** `surplus` goes at once. `succeeded` are copies of ours whose service is handed over: they are in nobody's
 *  way, since the device holds their ports. */
function sorted(
  wanted: ResolvedApp,
  instances: readonly ObservedInstance[],
): { surplus: ObservedInstance[]; succeeded: ObservedInstance[] } {
  const seen = new Set<string>();
  const surplus = new Set<ObservedInstance>();
  const succeeded = new Set<ObservedInstance>();
  for (const instance of instances) {
    const place = `${instance.service}/${instance.index}`;
    if (isWanted(wanted, instance) && !seen.has(place)) seen.add(place);
    else (mayStay(wanted, instance) ? succeeded : surplus).add(instance);
  }
  for (const dependent of restartedWith(wanted, instances, surplus)) {
    if (!succeeded.has(dependent)) surplus.add(dependent);
  }
  return { surplus: [...surplus], succeeded: [...succeeded] };
}

function mayStay(
  wanted: ResolvedApp,
  { service, configHash, state, lost }: ObservedInstance,
): boolean {
  const spec = wanted.services[service]?.spec;
  const isWhole = state !== "dead" && lost === undefined;
  return spec !== undefined && isHandedOver(spec) && configHash !== "" && isWhole;
}

/** Copies whose successors are all there and past their start, with what must restart with them. */
function retiredOf(
  wanted: ResolvedApp,
  all: {
    kept: readonly ObservedInstance[];
    missing: readonly InstanceRef[];
    succeeded: readonly ObservedInstance[];
  },
): ObservedInstance[] {
  const { kept, missing, succeeded } = all;
  const early = new Set([...kept.filter(isEarly), ...missing].map(({ service }) => service));
  const retired = new Set(succeeded.filter(({ service }) => !early.has(service)));
  if (retired.size === 0) return [];
  for (const dependent of restartedWith(wanted, kept, retired)) retired.add(dependent);
  return [...retired];
}

function isEarly({ state, health }: ObservedInstance): boolean {
  return state === "created" || (state === "running" && health === "starting");
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
  const { state, detachedFrom, edited } = instance;
  if (state === "created" || detachedFrom !== undefined || edited !== undefined) return true;
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
