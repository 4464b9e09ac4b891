// Asks every runtime what runs, and tells for which apps a silent one means that nothing can be said.
import type { ObservedInstance, Runtime } from "#edge/runtime/port.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { RuntimeName } from "#shared/reported.ts";
import type { Resolved } from "./parts.ts";

export interface Sight {
  instances: ObservedInstance[];
  /** Runtimes that did not answer, and why. */
  silent: ReadonlyMap<RuntimeName, FleetError>;
  /** None of them answered. */
  isDark: boolean;
}

export async function look(runtimes: readonly Runtime[]): Promise<Sight> {
  const answers = await Promise.all(runtimes.map(observe));
  const silent = new Map<RuntimeName, FleetError>();
  for (const { name, error } of answers) if (error !== undefined) silent.set(name, error);
  return {
    instances: answers.flatMap(({ instances }) => instances),
    silent,
    isDark: silent.size > 0 && silent.size === runtimes.length,
  };
}

async function observe(runtime: Runtime) {
  const { name } = runtime;
  try {
    return { name, instances: await runtime.observe(), error: undefined };
  } catch (error) {
    return { name, instances: [], error: asFleetError(error) };
  }
}

interface Concern {
  /** Where copies of the app were when they could be seen last. */
  seenOn: ReadonlySet<RuntimeName>;
  /** The releases between which the app moves, as far as they could be read. */
  releases: readonly (Resolved | undefined)[];
  /** Something of it may be anywhere: it serves, or is to go, and nothing could be read. */
  mayBeAnywhere: boolean;
}

/** Why nothing can be said of this app; undefined when every runtime that it needs has answered. Pure. */
export function blindness(sight: Sight, concern: Concern): FleetError | undefined {
  const { silent, isDark } = sight;
  if (silent.size === 0) return undefined;
  const known = new Set(concern.seenOn);
  for (const release of concern.releases) {
    for (const { runtime } of Object.values(release?.app.services ?? {})) known.add(runtime);
  }
  const [first] = silent.values();
  if (isDark || (known.size === 0 && concern.mayBeAnywhere)) return first;
  return [...silent].find(([name]) => known.has(name))?.[1];
}

/** Where copies are now; of a silent runtime what was seen before still holds. Pure. */
export function seenOn(
  sight: Sight,
  own: readonly ObservedInstance[],
  before: ReadonlySet<RuntimeName>,
): Set<RuntimeName> {
  const kept = [...before].filter((name) => sight.silent.has(name));
  return new Set([...own.map(({ runtime }) => runtime), ...kept]);
}
