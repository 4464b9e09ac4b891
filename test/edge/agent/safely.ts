// What tests of safe mode look at.
import type { Condition } from "#shared/status.ts";
import type { World } from "./world.ts";

export const inSafeMode = (world: World): boolean => world.reported()?.safeMode !== undefined;
/** Of these reasons, the oldest first. */
export const events = (world: World, ...reasons: string[]): string[] =>
  world
    .journal()
    .entries({ kinds: ["event"], limit: 200 })
    .map(({ body }) => String(body["reason"]))
    .filter((reason) => reasons.includes(reason))
    .toReversed();
export const condition = (world: World): Condition | undefined =>
  world.reported()?.conditions.find(({ type }) => type === "SafeMode");
