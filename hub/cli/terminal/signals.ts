// What must not be left lying when a signal ends the command: its `finally` blocks do not run then.
import { rmSync } from "node:fs";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** @param paths asked when the signal comes
 *  @returns ends this care */
export function removeOnSignal(paths: () => readonly string[]): () => void {
  const forget = (): void => {
    for (const signal of signals) process.off(signal, remove);
  };
  const remove = (signal: NodeJS.Signals): void => {
    forget();
    for (const path of paths()) rmSync(path, { recursive: true, force: true });
    // Now it ends the command as it would have, so that a shell sees by what.
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, remove);
  return forget;
}
