// Ties the hub to its process: signals end it in order, a fault that nobody handled ends it at once.
import type { Logger } from "pino";
import { once } from "#shared/once.ts";
import type { Ending } from "./ending.ts";

/** From the first moment on. */
export function endOnFaults(log: Pick<Logger, "fatal">): void {
  // Also what a promise that nobody waits for threw.
  process.on("uncaughtException", (err) => {
    log.fatal({ err }, "the hub ends on an error that nothing caught");
    process.exit(1);
  });
}

/** Once everything has started. */
export function endOnSignals(log: Pick<Logger, "info">, ending: Ending): void {
  const stop = once(async () => {
    log.info("hub stops");
    process.exit((await ending.run()) ? 0 : 1);
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
  // Started with a channel, the hub belongs to its parent and goes with it.
  if (process.send !== undefined) process.on("disconnect", () => void stop());
}
