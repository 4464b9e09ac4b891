// What a service waits for: depends_on, and the keys that imply it.
import type { Dependency } from "#shared/compose/model.ts";
import {
  allEntries,
  at,
  type Field,
  fail,
  flag,
  isList,
  items,
  sorted,
  splitOnce,
  text,
} from "./field.ts";

/** Services of the file: those that run here, and those that their profiles leave out. */
export interface Population {
  enabled: ReadonlySet<string>;
  disabled: ReadonlySet<string>;
}

interface Reference {
  service: string;
  place: Field;
  dependency: Dependency;
}

const started = { condition: "service_started", restart: false, required: true } as const;

/** @see Compose specification, "depends_on", "links", "network_mode", "volumes_from" */
export function normaliseDependencies(
  service: Field,
  population: Population,
): Record<string, Dependency> {
  const references = [
    ...impliedReferences(service),
    ...explicitReferences(at(service, "depends_on")),
  ];
  return sorted(
    references
      .filter((reference) => isMet(reference, population))
      .map((reference) => [reference.service, reference.dependency]),
  );
}

function isMet({ service, place, dependency }: Reference, population: Population): boolean {
  if (population.enabled.has(service)) return true;
  if (!dependency.required) return false;
  const disabled = population.disabled.has(service);
  const hint = disabled ? "Name its profile in the value COMPOSE_PROFILES." : "Check its spelling.";
  const state = disabled ? "is left out by its profiles" : "is not defined";
  fail(place, `the service ${service} ${state}`, { hint });
  return false;
}

function explicitReferences(field: Field): Reference[] {
  if (isList(field)) {
    return items(field).map((place) => ({
      service: text(place) ?? "",
      place,
      dependency: started,
    }));
  }
  return allEntries(field).map(([service, place]) => ({
    service,
    place,
    dependency: {
      condition: (text(at(place, "condition")) ?? "service_started") as Dependency["condition"],
      restart: flag(at(place, "restart")) ?? false,
      required: flag(at(place, "required")) ?? true,
    },
  }));
}

function impliedReferences(service: Field): Reference[] {
  return [
    ...items(at(service, "links")).map((place) => linked(place)),
    ...items(at(service, "volumes_from")).flatMap((place) => volumeSource(place)),
    ...["network_mode", "ipc", "pid"].flatMap((key) => namespaceOwner(at(service, key))),
  ];
}

function linked(place: Field): Reference {
  return { service: splitOnce(text(place) ?? "", ":")[0], place, dependency: started };
}

function volumeSource(place: Field): Reference[] {
  const [first, rest] = splitOnce(text(place) ?? "", ":");
  return first === "container" && rest !== undefined
    ? []
    : [{ service: first, place, dependency: started }];
}

/** A namespace dies with its owner, so the one that joined it must start again. */
function namespaceOwner(place: Field): Reference[] {
  const [kind, service] = splitOnce(text(place) ?? "", ":");
  if (kind !== "service" || service === undefined) return [];
  return [{ service, place, dependency: { ...started, restart: true } }];
}
