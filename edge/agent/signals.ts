// Ties the agent to its process: signals end it in order, a fault that nobody handled ends it at once.
import type { Logger } from "pino";
import { once } from "#shared/once.ts";
import { createEnding, type Ending } from "./ending.ts";

/** From the first moment on, so that a signal ends whatever has begun by then.
 *  @param onStop called before anything is ended */
export function endOnSignals(
  log: Pick<Logger, "info" | "error" | "fatal">,
  onStop: () => void = () => undefined,
): Ending {
  const ending = createEnding(log);
  const stop = once(async () => {
    log.info("agent stops");
    onStop();
    process.exit((await ending.run()) ? 0 : 1);
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
  // Until there is a configuration to read anew it means nothing, and it must not end the agent.
  process.on("SIGHUP", () => undefined);
  // Started with a channel, the agent belongs to its parent and goes with it.
  if (process.send !== undefined) process.on("disconnect", () => void stop());
  // Nothing is known of the state after such a fault; the services go on, and the next agent adopts them.
  const fall = (fault: unknown): void => {
    log.fatal({ err: fault }, "a fault that nobody handled ends the agent");
    process.exit(1);
  };
  process.on("uncaughtException", fall);
  process.on("unhandledRejection", fall);
  return ending;
}
