// Stands around every call of the journal: makes room on a full disk, tells of damage, and speaks FleetError.
import { damageIn, isFull, unusable } from "./unusable.ts";

/** Ways to free space, in the order in which they are tried; false: nothing was freed. */
export type Rooms = readonly (() => boolean)[];

export interface Care {
  file: string;
  rooms: Rooms;
  onDamage: (finding: string) => void;
}

/** The same object with its functions guarded. A call that failed has changed nothing, so it may be made
 *  again. */
export function guardCalls<T extends object>(calls: T, care: Care): T {
  const guardedCalls = {} as T;
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(calls))) {
    const value: unknown = property.value;
    const call = typeof value === "function" ? { value: guard(value as Call, care) } : {};
    Object.defineProperty(guardedCalls, name, { ...property, ...call });
  }
  return guardedCalls;
}

type Call = (...args: unknown[]) => unknown;

function guard(call: Call, care: Care): Call {
  return (...args) => {
    try {
      return withRoom(care.rooms, () => call(...args));
    } catch (error) {
      const finding = damageIn(error);
      if (finding !== undefined) care.onDamage(finding);
      throw unusable(care.file, error);
    }
  };
}

/** The call, and again after each way that has freed some space. */
export function withRoom<T>(rooms: Rooms, call: () => T): T {
  let refused: unknown;
  for (const room of [() => true, ...rooms]) {
    if (!room()) continue;
    try {
      return call();
    } catch (error) {
      if (!isFull(error)) throw error;
      refused = error;
    }
  }
  throw refused;
}
