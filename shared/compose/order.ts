// The order in which services start: levels of services that may start together.
import { FleetError } from "#shared/errors.ts";
import type { ComposeProject } from "./model.ts";

/** Each level needs only services of earlier levels; names within one are sorted. Pure.
 *  @throws FleetError plan_cycle naming the services of the circle, without a place */
export function startOrder(project: Pick<ComposeProject, "services">): string[][] {
  const waiting = new Set(Object.keys(project.services));
  const levels: string[][] = [];
  while (waiting.size > 0) {
    const level = [...waiting].filter((name) =>
      dependenciesOf(project, name).every((other) => !waiting.has(other)),
    );
    if (level.length === 0) throw cycleError(findCycle(project, waiting));
    for (const name of level) waiting.delete(name);
    levels.push(level.toSorted());
  }
  return levels;
}

/** Only services of the project: one that is optional may be absent. */
function dependenciesOf(project: Pick<ComposeProject, "services">, name: string): string[] {
  return Object.keys(project.services[name]?.dependsOn ?? {}).filter((other) =>
    Object.hasOwn(project.services, other),
  );
}

/** @param waiting services of which each has a dependency in the set */
function findCycle(
  project: Pick<ComposeProject, "services">,
  waiting: ReadonlySet<string>,
): string[] {
  const trail: string[] = [];
  let name = [...waiting].toSorted()[0];
  while (name !== undefined && !trail.includes(name)) {
    trail.push(name);
    name = dependenciesOf(project, name).find((other) => waiting.has(other));
  }
  return name === undefined ? trail : [...trail.slice(trail.indexOf(name)), name];
}

function cycleError(cycle: string[]): FleetError {
  return new FleetError("plan_cycle", {
    message: `services wait for each other: ${cycle.join(" -> ")}`,
    hint: "Remove one of these dependencies.",
    ...(cycle[0] === undefined ? {} : { subject: cycle[0] }),
  });
}
