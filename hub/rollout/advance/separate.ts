// Ranks the properties that failed devices share by how well each separates them from those that succeeded; pure.
import { byCodeUnit } from "#shared/canonical.ts";
import type { Suspect, Trait } from "./model.ts";

/** Of two properties that separate equally well, the one further up explains more. Labels come after them. */
const telling = [
  "model",
  "kernel",
  "os",
  "arch",
  "agentVersion",
  "runtimes",
  "memory",
  "disk",
  "temperature",
];

/** Below this a split is called clear. */
export const clearChance = 0.05;

/** Every property of a failed device, the clearest first. Fisher's exact test is right for few devices too: one
 *  failed device among few others separates nothing, and the numbers then say so. Pure. */
export function separate(
  failed: readonly (readonly Trait[])[],
  succeeded: readonly (readonly Trait[])[],
): Suspect[] {
  const inFailed = countsOf(failed);
  const inSucceeded = countsOf(succeeded);
  return [...inFailed.values()]
    .map(({ key, value, count }) => {
      const others = inSucceeded.get(nameOf({ key, value }))?.count ?? 0;
      const split = {
        key,
        value,
        failed: count,
        failedOf: failed.length,
        succeeded: others,
        succeededOf: succeeded.length,
      };
      return { ...split, chance: Math.min(1, chanceOf(split) * inFailed.size) };
    })
    .toSorted(byClarity);
}

interface Counted extends Trait {
  count: number;
}

function countsOf(devices: readonly (readonly Trait[])[]): Map<string, Counted> {
  const counts = new Map<string, Counted>();
  for (const trait of devices.flat()) {
    const known = counts.get(nameOf(trait)) ?? { ...trait, count: 0 };
    counts.set(nameOf(trait), { ...known, count: known.count + 1 });
  }
  return counts;
}

function nameOf({ key, value }: Trait): string {
  return `${key}=${value}`;
}

function byClarity(a: Suspect, b: Suspect): number {
  return (
    a.chance - b.chance ||
    b.failed - a.failed ||
    a.succeeded - b.succeeded ||
    placeOf(a.key) - placeOf(b.key) ||
    byCodeUnit(nameOf(a), nameOf(b))
  );
}

function placeOf(key: string): number {
  const place = telling.indexOf(key);
  return place === -1 ? telling.length : place;
}

/** Hypergeometric tail: at least so many of the failed ones among those that have the property. */
function chanceOf({ failed, failedOf, succeeded, succeededOf }: Omit<Suspect, "chance">): number {
  const having = failed + succeeded;
  const all = failedOf + succeededOf;
  let chance = 0;
  for (let hits = failed; hits <= Math.min(having, failedOf); hits += 1) {
    chance += Math.exp(
      logChoose(having, hits) + logChoose(all - having, failedOf - hits) - logChoose(all, failedOf),
    );
  }
  return Math.min(1, chance);
}

function logChoose(all: number, some: number): number {
  if (some < 0 || some > all) return Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let at = 1; at <= some; at += 1) sum += Math.log(all - some + at) - Math.log(at);
  return sum;
}

/** One sentence about what the failed devices share. Pure. */
export function suspectsInWords(suspects: readonly Suspect[]): string {
  const [first] = suspects;
  if (first === undefined) return "nothing is known of the failed devices";
  if (first.succeededOf === 0) {
    const shared = suspects.filter(({ failed, failedOf }) => failed === failedOf).slice(0, 3);
    const names = shared.map(nameOf).join(", ");
    return `no device has succeeded yet to compare with${names === "" ? "" : `; all that failed have ${names}`}`;
  }
  const { failed, failedOf, succeeded, succeededOf } = first;
  const split = `${nameOf(first)} (${failed} of ${failedOf} that failed, ${succeeded} of ${succeededOf} that succeeded)`;
  return first.chance < clearChance
    ? `they share ${split}`
    : `nothing separates them clearly; nearest is ${split}`;
}
