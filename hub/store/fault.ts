// Turns whatever a driver throws into the store's one error.
import { FleetError } from "#shared/errors.ts";

type Method = (...args: never[]) => Promise<unknown>;

/** The same methods, each failing with FleetError store_unavailable and the driver's error as cause. */
export function withStoreFaults<T extends { [K in keyof T]: Method }>(methods: T): T {
  const guarded = Object.entries<Method>(methods).map(([name, method]) => [
    name,
    (...args: never[]) => run(name, method, args),
  ]);
  return Object.fromEntries(guarded) as T;
}

async function run(name: string, method: Method, args: never[]): Promise<unknown> {
  try {
    return await method(...args);
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw new FleetError("store_unavailable", {
      message: `the store failed in ${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: hintOf(cause),
      cause,
    });
  }
}

function hintOf(cause: unknown): string {
  const code = errorCodeOf(cause);
  if (code.startsWith("SQLITE_FULL")) return "Free disk space on the hub.";
  if (code.startsWith("SQLITE_BUSY")) return "End the other program that writes to the database.";
  if (code.startsWith("SQLITE_READONLY")) return "Make the database's directory writable.";
  return "Look at the hub's disk and at the cause in the log.";
}

/** The driver's stable code, e.g. `SQLITE_CORRUPT`; empty when it gave none. */
export function errorCodeOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
